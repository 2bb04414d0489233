"""Training a network of its own from speech alone or from transcripts: what `attune pretrain` does. No page reaches it."""
