"""The reading of results: pure functions of a DataFrame with one row a cell."""
