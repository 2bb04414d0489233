"""Step 3: the report before training, and its repairs."""
