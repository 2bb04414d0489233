"""Step 3: which clips are trained on and which are held out."""
