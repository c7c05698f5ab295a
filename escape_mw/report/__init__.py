"""The report: how many got out, which way out stopped working, and whether it was worth it."""
