"""Fine-tuning: task sources say which rows a step sees, the loop trains and chooses a step."""
