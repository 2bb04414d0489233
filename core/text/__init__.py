"""Transcripts: how they are scored, written for training and counted (WER, CER, intervals). Imports: errors, storage."""
