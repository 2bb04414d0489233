"""DeepSpeech and its cepstral features."""
