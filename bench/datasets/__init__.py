"""Where tables come from, and how they are split.

It knows nothing of models, methods or records.
"""
