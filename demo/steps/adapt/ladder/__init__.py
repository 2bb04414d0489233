"""Step 4's panel on how much data a target error rate takes."""
