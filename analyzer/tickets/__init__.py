"""Sends a report to the ticket it belongs to: a comment with the verdict, and the report as a file."""
