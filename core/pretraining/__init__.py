"""Training networks from scratch, from audio alone or from transcripts, for `attune pretrain`. Not used by the page."""
