"""Labelled sets: clips and splits, importers, the library on disk, inspection. Imports: models and below."""
