"""When a transcript is thrown away and decoded again (Radford et al. 2022, section 4.5); a model's card names them too."""

from __future__ import annotations

TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
MIN_LOG_PROBABILITY = -1.0  # mean over tokens, natural logarithm
MIN_NO_SPEECH = 0.6
MAX_TOKEN_RATIO = 1.35  # of compression, as transformers measures it: over tokens, not text
