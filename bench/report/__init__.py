"""Measures → tables, figures and the page.

It computes no number that `bench.analysis` does not give, and runs no cell.
"""
