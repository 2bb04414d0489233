"""Clips, labelled sets, and moving clips between train, validation and test."""
