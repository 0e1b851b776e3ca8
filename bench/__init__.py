"""The benchmark harness: tables, models, fine-tuning, cells, records and their reading.

Each room is a folder; it imports only from floors below its own (`tests/test_floors.py`).
"""

__version__ = "0.1.0"
