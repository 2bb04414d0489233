"""Step 5, clip list: the clips of a comparison one by one."""
