"""What `scripts.benchmark_scm` compares: the tables, and the sides.

Nothing here measures a whole run or prints; that is the script's.
"""
