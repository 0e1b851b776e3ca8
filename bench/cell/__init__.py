"""One cell, from its config to its record; where records lie, and whether one still holds.

It knows nothing of other cells: no sweep, no table of results, no terminal.
"""
