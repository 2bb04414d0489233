"""Step 3: the labelled set."""
