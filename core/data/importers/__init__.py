"""Readers of labelled sets, one file a format; `any_format` detects which one applies."""
