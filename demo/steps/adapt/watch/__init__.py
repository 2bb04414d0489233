"""Step 4's panel that shows a fine-tune at any of its evaluations."""
