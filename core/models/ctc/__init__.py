"""CTC recognisers of transformers (wav2vec 2.0 and kin), and their frozen prefix."""
