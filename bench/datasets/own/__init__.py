"""Reads a table of one's own: any file that people keep tables in, or a refusal in one sentence.

It asks no network, and never changes a value without a note.
"""
