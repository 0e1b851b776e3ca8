"""Synthetic rows held against the real rows that they were learnt from.

It knows no generator by name, and no test row but where a measure says so.
"""
