"""Mitra's `Tab2D`: checkpoint, encoder, forward pass, scoring, smooth classifier.

Nothing outside this folder touches AutoGluon's private modules.
"""
