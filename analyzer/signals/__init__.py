"""What a flow shows, one module a family. A signal observes and points at frames; it never blames.

opening     how the connection was made, or how that failed
closing     FINs, who sent data after one, half-closes in use
reset       every RST: its form, what it answers, and whether it fits the host it claims to come from
silence     stretches without a packet and what ended them
delivery    data that was never acknowledged, requests never answered, probes, stalled windows
protocol    what the first and last bytes say: TLS, FTP, HTTP, SMTP, SOCKS, databases
"""
