"""Readers of tables that list sounds and texts: CSV, TSV and JSON."""
