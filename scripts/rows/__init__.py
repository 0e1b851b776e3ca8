"""What `scripts.evaluate_scm` judges rows by: tables, sources of rows, measures, their printing.

Nothing here reads the command line; that is the script's.
"""
