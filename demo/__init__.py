"""The browser app over `core`."""
