"""The HTTP server: security, page delivery, uploads and downloads. Imports: steps and below."""
