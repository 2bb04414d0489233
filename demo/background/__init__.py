"""Processes, their queue, threads, warm models, the worker. Imports: wording, show, session."""
