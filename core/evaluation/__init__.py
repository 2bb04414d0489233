"""Comparing models on held-out clips: analysis, robustness, alignment, model speed. Imports: data and below."""
