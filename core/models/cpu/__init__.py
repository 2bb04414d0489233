"""Layers that are faster on a CPU than torch's own."""
