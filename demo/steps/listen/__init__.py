"""Step 2: a clip, and what the base writes for it."""
