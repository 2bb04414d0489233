"""Step 5, line-up: several runs on the same clips."""
