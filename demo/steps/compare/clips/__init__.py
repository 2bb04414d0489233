"""Step 5: clips one by one."""
