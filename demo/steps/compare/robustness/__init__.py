"""Step 5: both models in noise, in a room and over a telephone."""
