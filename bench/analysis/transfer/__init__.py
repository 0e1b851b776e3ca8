"""Reads what fine-tuning on other domains' tables brings: pure functions, from records to measures.

It computes no cell, draws nothing and writes no file.
"""
