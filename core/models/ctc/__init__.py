"""CTC recognisers of transformers (wav2vec 2.0 and relatives), and their frozen prefix."""
