"""Readers of corpora in their published layout, one file a corpus."""
