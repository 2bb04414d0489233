"""The end of the page: what is kept, removing it, and being forgotten."""
