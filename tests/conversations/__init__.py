"""One short dialogue for each cause that packets can show, and ordinary ones that must never be an incident.

``CONVERSATIONS`` maps a cause id to its dialogues, ``ORDINARY`` a name to a dialogue without an incident. Each is a
function without arguments that returns a finished ``Conversation``; the guilty connection is its own stream 0.
"""

from __future__ import annotations

from tests.conversations.guilty import CONVERSATIONS
from tests.conversations.ordinary import ORDINARY

__all__ = ["CONVERSATIONS", "ORDINARY"]
