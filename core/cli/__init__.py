"""The `attune` command line, one file per command. Imports: everything below it, when a command needs it."""
