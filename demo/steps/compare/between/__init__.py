"""Step 5, from base to adapted model: a slider that rewrites one clip."""
