"""Fine-tuning: the recipe, the training loop and everything it uses. Imports: evaluation and below."""
