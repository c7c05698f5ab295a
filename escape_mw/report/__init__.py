"""The report: the funnel, techniques that stopped working, and the lift of each experiment."""
