"""Step 4: how much data it takes."""
