"""The synthetic tables that mitra-nano learns from: their prior, and the batches of its training.

Nothing here reads a data set, and nothing here knows the model.
"""
