"""What mitra-nano learns from: its prior's tables, their batches, and what a head asks of outputs.

Nothing here reads a data set, and nothing here makes the model.
"""
