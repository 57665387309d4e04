"""The command line: arguments, exit codes, progress. One file a command; nothing else lives here."""
