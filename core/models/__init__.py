"""Model families behind a common Protocol."""
