"""The benchmark harness: tables, model, fine-tuning, cells and records, and their reading."""

__version__ = "0.1.0"
