"""The model: Mitra's `Tab2D` from a checkpoint, preprocessing, forward, in-context scoring."""
