"""The verbs of the command line, one file each, and what several of them need (`_name.py`).

Nothing imports a verb but the door; what two rooms need lies below.
"""
