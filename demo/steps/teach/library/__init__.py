"""Step 3: the visitor's named sets."""
