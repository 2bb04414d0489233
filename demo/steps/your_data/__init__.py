"""The end of the page: the visitor's stored data, its removal, and being forgotten."""
