"""Step 6: the adapted model and the report as files."""
