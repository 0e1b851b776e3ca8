"""What was typed after a verb: told apart, quoted for Hydra, and refused in our own words.

It composes no config and runs nothing.
"""
