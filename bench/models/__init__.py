"""The model: Mitra's `Tab2D` loaded from a checkpoint, preprocessing, lean forward, in-context scoring."""
