"""What the embedded tables are, where they come from, and how their sources' files are read.

Nothing here knows of cells, methods or records: tables and cards are all that comes of it.
"""
