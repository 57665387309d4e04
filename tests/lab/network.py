"""Client, two routers and a server, each in a namespace of its own, and the path between the routers.

client ── router 1 ══ path ══ router 2 ── server (with neighbours and a name server on the same cable)
"""

from __future__ import annotations

import random
import re
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from tests.lab.kernel import Namespace, open_tun
from tests.lab.path import Path

__all__ = ["Network", "Traits"]


@dataclass(frozen=True, slots=True)
class Traits:
    """What differs between one lab network and the next."""

    client_ttl: int
    server_ttl: int
    router_ttl: int
    delay: float
    hops: int
    offload: bool
    timestamps: bool
    linear_syn: int
    jitter: float
    loss: float

    @classmethod
    def pick(cls, rng: random.Random) -> Traits:
        """A plausible mix."""
        return cls(
            client_ttl=rng.choice((64, 128, 128)),
            server_ttl=rng.choice((64, 64, 128)),
            router_ttl=rng.choice((64, 64, 255, 255)),
            delay=rng.choice((0.0005, 0.001, 0.002, 0.006, 0.012, 0.03, 0.055)),
            hops=rng.choice((0, 0, 1, 2, 3, 6, 9)),
            offload=rng.random() < 0.35,
            timestamps=rng.random() < 0.25,
            linear_syn=rng.choice((0, 0, 0, 4)),
            jitter=rng.choice((0.0, 0.0, 0.002, 0.01, 0.03)),
            loss=rng.choice((0.0,) * 7 + (0.004, 0.01)),
        )


_VENDORS = ("00:15:5d", "00:50:56", "52:54:00", "3c:52:82", "b8:ca:3a")


def _mac(rng: random.Random, vendor: str) -> str:
    return vendor + "".join(f":{rng.randrange(256):02x}" for _ in range(3))


def _private(rng: random.Random) -> str:
    if rng.random() < 0.5:
        return f"10.{rng.randrange(1, 250)}.{rng.randrange(1, 250)}"
    if rng.random() < 0.2:
        return f"172.{rng.randrange(16, 31)}.{rng.randrange(1, 250)}"
    return f"192.168.{rng.randrange(1, 250)}"


@dataclass(slots=True)
class Network:
    """The lab's network. ``build`` makes it; it vanishes when the process ends."""

    rng: random.Random
    traits: Traits
    with_ipv6: bool = False
    client_net: str = field(init=False)
    server_net: str = field(init=False)
    client_ip: str = field(init=False)
    client_gateway: str = field(init=False)
    server_ip: str = field(init=False)
    neighbours: list[str] = field(init=False)
    resolver: str = field(init=False)
    client6: str = field(init=False, default="fd00:a::10")
    server6: str = field(init=False, default="fd00:b::20")
    client: Namespace = field(init=False)
    router1: Namespace = field(init=False)
    router2: Namespace = field(init=False)
    server: Namespace = field(init=False)
    path: Path = field(init=False)
    _taps: list[subprocess.Popen[str]] = field(init=False, default_factory=list)

    def build(self) -> None:
        """Make the namespaces, addresses and routes, and start the path."""
        rng = self.rng
        self.client_net = _private(rng)
        self.server_net = _private(rng)
        while self.server_net == self.client_net:
            self.server_net = _private(rng)
        self.client_ip = f"{self.client_net}.{rng.randrange(10, 122)}"
        self.client_gateway = f"{self.client_net}.1"
        host = rng.randrange(20, 200)
        self.server_ip = f"{self.server_net}.{host}"
        self.neighbours = [f"{self.server_net}.{host + 1}", f"{self.server_net}.{host + 2}"]
        self.resolver = f"{self.server_net}.2"
        self.client, self.router1, self.router2, self.server = (Namespace() for _ in range(4))
        self._link(self.client, self.router1, self.client_ip, self.client_gateway)
        self._link(self.server, self.router2, self.server_ip, f"{self.server_net}.1")
        for extra in (*self.neighbours, self.resolver):
            self.server.ip(f"addr add {extra}/24 dev eth0")
        link = f"100.{rng.randrange(64, 128)}.{rng.randrange(256)}"
        near, far = open_tun(self.router1, "path"), open_tun(self.router2, "path")
        for router, own, other in ((self.router1, 1, self.server_net), (self.router2, 2, self.client_net)):
            router.ip(f"addr add {link}.{own}/30 dev path")
            router.ip("link set path up")
            router.sysctl(ipv4__ip_forward=1, ipv4__ip_default_ttl=self.traits.router_ttl)
            router.sysctl(ipv4__icmp_ratelimit=0, ipv4__conf__all__send_redirects=0)
            router.ip(f"route add {other}.0/24 dev path")
        self._tune()
        if self.with_ipv6:
            self._add_ipv6()
        self.path = Path(near, far, delay=self.traits.delay, hops=self.traits.hops)
        self.path.jitter, self.path.loss = self.traits.jitter, self.traits.loss
        self.path.rng = random.Random(rng.random())
        self.path.start()

    def _link(self, host: Namespace, router: Namespace, address: str, gateway: str) -> None:
        host.ip(f"link add eth0 type veth peer name lan netns {router.path}")
        vendor = self.rng.choice(_VENDORS)
        host.ip(f"link set eth0 address {_mac(self.rng, vendor)}")
        router.ip(f"link set lan address {_mac(self.rng, vendor)}")
        if not self.traits.offload:
            host.no_offload("eth0")
            router.no_offload("lan")
        for namespace, interface, own in ((host, "eth0", address), (router, "lan", gateway)):
            # a quiet interface: no neighbour discovery of its own unless IPv6 is wanted
            namespace.sysctl(**{f"ipv6__conf__{interface}__disable_ipv6": 0 if self.with_ipv6 else 1})
            namespace.ip(f"addr add {own}/24 dev {interface}")
            namespace.ip(f"link set {interface} up")
        host.ip(f"route add default via {gateway}")

    def _tune(self) -> None:
        stamps = int(self.traits.timestamps)
        common = {
            "ipv4__ip_local_port_range": "49152 65535",
            "ipv4__tcp_no_metrics_save": 1,
            "ipv4__tcp_timestamps": stamps,
            "ipv4__tcp_syn_linear_timeouts": self.traits.linear_syn,
        }
        self.client.sysctl(ipv4__ip_default_ttl=self.traits.client_ttl, **common)
        self.server.sysctl(ipv4__ip_default_ttl=self.traits.server_ttl, **common)
        for namespace in (self.client, self.server):
            namespace.sysctl(ipv4__tcp_tw_reuse=0)

    def _add_ipv6(self) -> None:
        self.client.ip(f"-6 addr add {self.client6}/64 dev eth0 nodad")
        self.server.ip(f"-6 addr add {self.server6}/64 dev eth0 nodad")
        self.router1.ip("-6 addr add fd00:a::1/64 dev lan nodad")
        self.router2.ip("-6 addr add fd00:b::1/64 dev lan nodad")
        self.client.ip("-6 route add default via fd00:a::1")
        self.server.ip("-6 route add default via fd00:b::1")
        for router, own, other in ((self.router1, "c::1", "b::/64"), (self.router2, "c::2", "a::/64")):
            router.sysctl(ipv6__conf__all__forwarding=1, ipv6__conf__path__disable_ipv6=0)
            router.ip(f"-6 addr add fd00:{own}/64 dev path nodad")
            router.ip(f"-6 route add fd00:{other} dev path")

    def tap(self, namespace: Namespace, file: FilePath) -> None:
        """Start a capture on the host's interface; returns when it runs."""
        tap = namespace.popen(
            "tcpdump",
            "-i",
            "eth0",
            "-w",
            str(file),
            "-s",
            "262144",
            "-B",
            "16384",
            "-U",
            "--immediate-mode",
            "-n",
            "-Z",
            "root",
        )
        assert tap.stderr is not None
        for line in tap.stderr:
            if "listening on" in line:
                break
        self._taps.append(tap)

    def untap(self) -> int:
        """End all captures and wait until they are written; how many packets the kernel kept from them."""
        dropped = 0
        for tap in self._taps:
            tap.terminate()
        for tap in self._taps:
            _, said = tap.communicate(timeout=10)
            found = re.search(r"(\d+) packets? dropped by kernel", said)
            dropped += int(found[1]) if found else 0
        self._taps.clear()
        return dropped

    def absent_address(self) -> str:
        """An address on the server's cable that no host owns."""
        return f"{self.server_net}.{self.rng.randrange(241, 254)}"

    def client_socket(self, port: int = 0, family: int = socket.AF_INET) -> socket.socket:
        """A TCP socket of the client, already bound so that its port is known whatever happens to the connect."""
        address = self.client6 if family == socket.AF_INET6 else self.client_ip
        while True:
            sock = self.client.socket(family)
            if port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((address, port or self.rng.randrange(49152, 64000)))
            except OSError:
                sock.close()
                if port:
                    raise
                continue
            return sock
