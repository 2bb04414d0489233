"""The run folder and what is done with it: execute, results, lineup, trade-off, ladder, export, report."""
