"""Step 3: how the transcripts of a set are written for training."""
