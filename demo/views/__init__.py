"""One file a step: building components and nothing else."""
