"""Requests: security, delivery of the page, uploads and downloads. Imports: steps and below."""
