"""Step 3: proofreading a long recording."""
