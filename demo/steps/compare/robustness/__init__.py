"""Step 5, robustness: both models in noise, in a room and over a telephone."""
