"""What a backbone offers, its weights and its room in memory; each backbone is a folder.

It knows no method, no cell and no split.
"""
