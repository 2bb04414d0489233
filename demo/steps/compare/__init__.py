"""Step 5: base against adapted."""
