"""Where prose is written: diagnoses to the plain data of a report, with timeline and groups."""
