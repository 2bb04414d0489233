"""The browser app on top of `core`."""
