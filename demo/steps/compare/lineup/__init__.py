"""Step 5: several runs on the same clips."""
