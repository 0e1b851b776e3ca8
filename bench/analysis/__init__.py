"""Reads results: pure functions of a DataFrame with one row a cell.

It computes no cell, draws nothing and writes no file.
"""
