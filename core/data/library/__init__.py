"""Sets and recordings on disk: listing, verifying, merging, undo, trash."""
