"""Step 1: choosing the base model."""
