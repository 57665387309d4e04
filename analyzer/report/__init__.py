"""One neutral report model and the dialects that render it; see `analyzer.report.render`."""
