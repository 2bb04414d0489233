"""Where weights come from: packages, the hub, releases, fairseq, torchaudio, TFLite; and their limits."""
