"""Reads a table of one's own: any file that people keep tables in, a DataFrame or an array.

What cannot be read is refused in one sentence. It asks no network, never changes a value without a
note, and keeps how each column was read, so that later rows are read alike.
"""
