"""Step 3: recording sentences from a list."""
