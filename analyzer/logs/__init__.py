"""Application logs, event logs and socket tables: the socket errors they record."""
