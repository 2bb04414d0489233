"""What `attune JOB` does, a file a group of jobs; `core.cli` has their arguments."""
