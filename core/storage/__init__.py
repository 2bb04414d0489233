"""Where files are kept, atomic writes, the disk cache, buffers on disk, and memory. Imports: `core.errors`."""
