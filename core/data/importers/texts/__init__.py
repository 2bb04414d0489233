"""Readers of texts that lie beside sounds or give times in them: transcripts, subtitles, labels and annotations."""
