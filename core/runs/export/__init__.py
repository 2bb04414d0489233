"""Taking the adapted model home, one file a format."""
