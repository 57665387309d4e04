"""A real Request Tracker 5 from Debian's packages (request-tracker5, rt5-db-sqlite), with an instance for one test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["RequestTracker", "request_tracker"]

HOME = Path("/usr/share/request-tracker5")
SERVER = HOME / "libexec" / "rt-server"
CONFIG = """
Set($rtname, 'notconn.test');
Set($Organization, 'notconn.test');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '{folder}/rt.sqlite');
Set($WebDomain, '127.0.0.1');
Set($WebPort, {port});
Set($WebBaseURL, 'http://127.0.0.1:{port}');
Set($WebPath, '');
Set($MailCommand, 'testfile');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'error');
Set($MasonDataDir, '{folder}/mason');
Set($MasonSessionDir, '{folder}/session');
Set($MasonLocalComponentRoot, '{folder}/local');
1;
"""
SEED = """
use strict;
use lib '/usr/share/request-tracker5/lib';
use RT;
RT::LoadConfig();
RT::Init();
my $queue = RT::Queue->new(RT->SystemUser);
$queue->Load('General');
sub token_of {
    my ($name, @rights) = @_;
    my $user = RT::User->new(RT->SystemUser);
    my ($id, $why) = $user->Create(Name => $name, EmailAddress => "$name\\@corp.example", Privileged => 1);
    die $why unless $id;
    $user->PrincipalObj->GrantRight(Right => $_, Object => $queue) for @rights;
    my ($made, $said, $token) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $id, Description => 'test');
    die $said unless $made;
    return $token;
}
my $agent = token_of('agent', qw(SeeQueue ShowTicket ShowTicketComments CommentOnTicket ReplyToTicket));
my $guest = token_of('guest', qw(SeeQueue ShowTicket));
my ($number, undef, $why) = RT::Ticket->new(RT->SystemUser)->Create(Queue => 'General', Subject => '10057 at night');
die $why unless $number;
print "SEEDED $agent $guest $number\\n";
"""


@dataclass(frozen=True, slots=True)
class RequestTracker:
    """A server that listens on the loopback interface."""

    url: str
    agent: str
    """Token of an account that may comment."""
    guest: str
    """Token of one that may only read."""
    ticket: str


@contextmanager
def request_tracker(folder: Path) -> Iterator[RequestTracker]:
    """Make an instance in ``folder``, serve it, and end it. Skips the test where the packages are not installed."""
    if not SERVER.exists() or not shutil.which("rt-setup-database") or not shutil.which("perl"):
        pytest.skip("no Request Tracker here: apt-get install request-tracker5 rt5-db-sqlite")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for part in ("mason", "session", "local"):
        (folder / part).mkdir()
    config = folder / "RT_SiteConfig.pm"
    config.write_text(CONFIG.replace("{folder}", str(folder)).replace("{port}", str(port)), encoding="utf-8")
    # A folder that is not there keeps the machine's own instance out.
    environment = {**os.environ, "RT_SITE_CONFIG": str(config), "RT_SITE_CONFIG_DIR": str(folder / "none")}

    def run(*words: str) -> str:
        done = subprocess.run(
            words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
        )
        if done.returncode:
            pytest.skip(f"this Request Tracker cannot be set up: {words[0]}: {(done.stderr or done.stdout)[-300:]}")
        return done.stdout

    run("rt-setup-database", "--action", "init", "--skip-create")
    seed = folder / "seed.pl"
    seed.write_text(SEED, encoding="utf-8")
    agent, guest, ticket = run("perl", str(seed)).partition("SEEDED ")[2].split()[:3]
    # The server's workers are its children: a group of their own ends with it.
    server = subprocess.Popen(
        [str(SERVER), "--host", "127.0.0.1", "--port", str(port)],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        _wait(port)
        yield RequestTracker(f"http://127.0.0.1:{port}", agent, guest, ticket)
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.skip("this Request Tracker does not start")
