"""Run folders and everything that uses them: execution, results, line-up, trade-off, ladder, export and report."""
