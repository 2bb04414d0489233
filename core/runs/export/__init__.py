"""Export of the adapted model, one module per format."""
