"""The closed list of facts, one module a family; `analyzer.facts` puts them together.

ticket      what the log tells and how far the capture can answer it
opening     how the connection was made, or how that failed
ending      FINs and resets
waiting     silences, keepalives, delivery, stalls
around      what the bytes say, what other flows and hosts did
derived     observations that several rules share
elsewhere   what a capture at the other end shows
"""
