"""Whisper: the model, its network, decoder, decoding and loss."""
