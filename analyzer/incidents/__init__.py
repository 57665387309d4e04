"""Errors and symptoms to incidents: which flow each one belongs to, by which clock, and the causes ranked."""
