"""Step 5: how often one's own words were transcribed right."""
