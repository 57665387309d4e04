"""A real Redmine from Debian's packages (redmine, redmine-sqlite, puma), with an instance of its own for a test."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Redmine", "redmine"]

HOME = Path("/usr/share/redmine")
NAME = f"notconn-test-{os.getpid()}"
SEED = """
Setting.rest_api_enabled = 1
def person(login)
  user = User.new(firstname: login, lastname: "x", mail: "#{login}@corp.example", language: "en")
  user.login = login
  user.password = user.password_confirmation = SecureRandom.hex(12)
  user.save!
  user
end
agent, guest = person("agent"), person("guest")
project = Project.new(name: "Net", identifier: "net")
project.is_public = true
project.trackers = Tracker.all
project.enabled_module_names = %w(issue_tracking)
project.save!
rights = [:view_issues, :add_issue_notes]
mine = rights + [:set_notes_private, :view_private_notes, :edit_issues, :edit_issue_notes, :edit_own_issue_notes]
Member.create!(project: project, user: agent, roles: [Role.create!(name: "A", permissions: mine)])
Member.create!(project: project, user: guest, roles: [Role.create!(name: "B", permissions: rights)])
issue = Issue.create!(project: project, tracker: project.trackers.first, author: agent, subject: "10057 at night",
                      priority: IssuePriority.first, status: IssueStatus.first)
puts "SEEDED #{agent.api_key} #{guest.api_key} #{issue.id}"
"""


@dataclass(frozen=True, slots=True)
class Redmine:
    """A server that listens on the loopback interface."""

    url: str
    agent: str
    """Key of an account that may write private notes."""
    guest: str
    """Key of one that may not."""
    issue: str


@contextmanager
def redmine(folder: Path) -> Iterator[Redmine]:
    """Make an instance, serve it, and remove it again. Skips the test where the packages are not installed."""
    if not (HOME / "Rakefile").exists() or not shutil.which("bundle") or not shutil.which("puma"):
        pytest.skip("no Redmine here: apt-get install redmine redmine-sqlite puma")
    if os.geteuid() != 0:
        pytest.skip("a Redmine instance can only be made by root")
    instance = HOME / "instances" / NAME
    lock = HOME / "Gemfile.lock"
    before = lock.read_bytes() if lock.exists() else None
    for part in ("config", "files", "tmp/cache", "log", "public", "plugins"):
        (instance / part).mkdir(parents=True, exist_ok=True)
    database = f"production:\n  adapter: sqlite3\n  database: {folder / 'redmine.sqlite3'}\n  timeout: 30000\n"
    (instance / "config" / "database.yml").write_text(database, encoding="utf-8")
    (instance / "config" / "secret_key.txt").write_text(secrets.token_hex(64), encoding="utf-8")
    (instance / "config" / "configuration.yml").write_text("production:\n", encoding="utf-8")
    lock.resolve().unlink(missing_ok=True)
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), "RAILS_ENV": "production", "LANG": "C.UTF-8",
        "REDMINE_INSTANCE": NAME, "X_DEBIAN_SITEID": NAME, "REDMINE_LANG": "en", "SCHEMA": "/dev/null",
    }  # fmt: skip

    def ruby(*words: str) -> str:
        done = subprocess.run(
            ["bundle", "exec", *words], cwd=HOME, env=environment, capture_output=True, text=True, timeout=300
        )
        if done.returncode:
            pytest.skip(f"this Redmine cannot be set up: {' '.join(words)}: {done.stderr[:300]}")
        return done.stdout

    try:
        ruby("rake", "db:migrate")
        ruby("rake", "redmine:load_default_data")
        seed = folder / "seed.rb"
        seed.write_text(SEED, encoding="utf-8")
        agent, guest, issue = ruby("rails", "runner", str(seed)).partition("SEEDED ")[2].split()[:3]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = subprocess.Popen(
            ["puma", "-b", f"tcp://127.0.0.1:{port}", "-t", "1:2", "config.ru"],
            cwd=HOME, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(port)
            yield Redmine(f"http://127.0.0.1:{port}", agent, guest, issue)
        finally:
            server.terminate()
            server.wait(30)
    finally:
        shutil.rmtree(instance, ignore_errors=True)
        if before is not None:
            lock.resolve().write_bytes(before)


def _wait(port: int) -> None:
    for _ in range(300):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.skip("this Redmine does not start")
