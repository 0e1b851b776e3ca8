"""Fine-tuning: task sources say which rows a step sees, the loop trains and chooses a step.

It reads no file, and never a test row but for the labelled curve.
"""
