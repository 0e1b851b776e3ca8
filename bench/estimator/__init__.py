"""Estimators for Python, over the very parts that cells are made of.

They know no cell, no record and no results folder.
"""
