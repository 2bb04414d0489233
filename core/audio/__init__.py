"""Sound: decoding, waves on disk, speech activity, segmentation. Imports: errors, storage, text."""
