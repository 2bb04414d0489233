"""Step 3: importing recordings."""
