"""Fine-tuning: the recipe, the loop and everything it uses. Imports: evaluation and below."""
