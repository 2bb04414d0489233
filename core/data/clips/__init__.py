"""A clip, a labelled set, and moving clips between train, validation and test."""
