"""What all model families share: the Protocol, devices, layers, vocabularies, the CTC loss."""
