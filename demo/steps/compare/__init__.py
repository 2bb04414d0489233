"""Step 5: comparing base and adapted."""
