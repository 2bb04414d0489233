"""Step 2: a clip and the base's transcript of it."""
