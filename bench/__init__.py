"""The benchmark harness: tables, model, fine-tuning, cells and their records, the reading of them."""

__version__ = "0.1.0"
