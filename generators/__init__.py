"""Generators of synthetic rows: one file or folder each.

They touch a training table and a random generator: no files, no configs, no records, no test rows.
"""
