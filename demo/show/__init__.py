"""What several steps show. No Gradio, no state. Imports: wording."""
