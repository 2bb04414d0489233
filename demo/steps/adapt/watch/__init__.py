"""Step 4: a fine-tune at any of its evaluations."""
