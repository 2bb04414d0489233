"""Step 3: sentences around one's own words."""
