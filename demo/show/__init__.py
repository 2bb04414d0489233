"""Markup shared by several steps. No Gradio, no state. Imports: wording."""
