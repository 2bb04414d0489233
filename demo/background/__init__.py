"""Background work: job processes and their queue, threads, models in memory. Imports: wording, show, session."""
