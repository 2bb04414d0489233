"""Step 4: the recipe, its forecast and the fine-tune."""
