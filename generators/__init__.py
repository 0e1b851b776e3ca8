"""Generators of synthetic rows: one file each; they see a training table and a random generator."""
