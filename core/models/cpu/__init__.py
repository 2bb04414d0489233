"""Layers that are quicker on a CPU than torch's own."""
