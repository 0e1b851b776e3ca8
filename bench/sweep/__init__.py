"""Many cells: the jobs of a sweep, what they cost, how they end.

It computes no score and reads no result for people.
"""
