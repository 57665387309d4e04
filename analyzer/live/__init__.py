"""Watching a capture that does not end: running digests, triggers, incidents told while they happen."""
