"""Step 6: downloading the adapted model and the report."""
