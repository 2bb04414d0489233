"""A report on one run: HTML, Markdown and JSON."""
