"""The `attune` command, one file a command. Imports: everything below it, when a command needs it."""
