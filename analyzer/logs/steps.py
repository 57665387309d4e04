"""The words in which a step in a connection's life, or a failure without a code, stands in a log.

English first, with the usual German, French, Spanish, Japanese and Chinese; texts are lower-cased by
`analyzer.logs.phrases.fold` before they are compared.
"""

from __future__ import annotations

import re

from analyzer.logs.model import Action, EventKind
from analyzer.values import dataclass

__all__ = ["Step", "find_layer", "find_step"]


@dataclass(frozen=True, slots=True)
class Step:
    """A step in a connection's life that a record tells."""

    kind: EventKind
    action: Action


# In order: what went wrong before what was done, the special before the general.
_STEPS: tuple[tuple[re.Pattern[str], Step], ...] = (
    (
        re.compile(
            r"(?:tls|ssl)[ _]?(?:handshake)?[^|]{0,40}(?:failed|failure|error|alert|aborted)|ssl(?:eof"
            r"|certverification|zero"
            r"return)?error|ssl(?:handshake|peerunverified)?exception|sslv?3?[_ ]?alert|tlsv1[a-z0-9_ ]*alert"
            r"|handshake[_ ]failure|sec_e_[a-z_]+|certificate[ _]verify[ _]failed|remote certificate (?:is|was) "
            r"|authenticationexception|fatal alert (?:was|received|generated|code)|schannel[^|]{0,80}(?:error|alert"
            r"|failed)"
        ),
        Step("prior", "tls"),
    ),
    (
        re.compile(
            r"(?:proxy|socks[45]?)[^|]{0,60}(?:refused|denied|failed|rejected|unreachable"
            r"|authentication required|error)"
            r"|(?:connect tunnel|proxy connect|http connect)[^|]{0,40}(?:failed|4\d\d|5\d\d)"
            r"|407 proxy authentication|received http code \d+ from proxy"
        ),
        Step("prior", "proxy"),
    ),
    (
        re.compile(
            r"closed by (?:the )?(?:peer|remote|server|foreign|other|far|client)|(?:peer|remote (?:host|side|party"
            r"|end|server)"
            r"|server|other side|far end) (?:has )?(?:closed|hung up|disconnected|terminated|dropped|ended)"
            r"|(?:von der gegenstelle|vom server|vom peer) (?:geschlossen|beendet)|server closed|premature close"
            r"|unexpectedly closed|fermée par le serveur|cerrada por el servidor"
        ),
        Step("prior", "closed-by-peer"),
    ),
    (
        re.compile(
            r"\b(?:unexpected eof|unexpected end of|end of file|eofexception|eoferror|endofstream"
            r"|recv(?:\(\))? (?:returned|->|=) 0"
            r"|read(?:\(\))? (?:returned|->|=) 0|(?:read|received) 0 bytes|0 bytes (?:read|received)|end of stream"
            r"|connection is closed|socket hang up|\beof\b)"
        ),
        Step("prior", "eof"),
    ),
    (re.compile(r"(?<![\d.:])(?:421|425|426)[ -][a-z]"), Step("prior", "ftp")),
    (
        re.compile(
            r"idle (?:time ?out|timer)|(?:idle|inactivity|keep-?alive) time-?out|timer_connectionidle|inactive for"
            r"|(?:idle|inactive) (?:for )?too long|session expired"
        ),
        Step("prior", "idle-timeout"),
    ),
    (
        re.compile(
            r"giving up|gave up|timed ?out|time-?out (?:expired|elapsed|period|reached|after|exceeded)|timeoutexception"
            r"|no (?:answer|reply|response) (?:in|after|within|from)|operationcanceled|taskcanceled|deadline exceeded"
            r"|zeitüberschreitung|délai (?:d'attente )?dépassé|tiempo de espera"
        ),
        Step("prior", "gave-up"),
    ),
    (
        re.compile(
            r"(?:ephemeral|dynamic|local) ports? (?:\w+ )?(?:exhaust|in use)|failed to allocate an ephemeral port"
            r"|out of (?:ephemeral )?ports|no free (?:local )?port"
        ),
        Step("prior", "port-exhaustion"),
    ),
    (
        re.compile(
            r"pool (?:is )?(?:exhausted|empty|drained|full)|all sockets are dead|no (?:free|idle|usable) connections?"
        ),
        Step("prior", "pool"),
    ),
    (
        re.compile(
            r"(?:cable|network|media|link|adapter|interface|nic|wi-?fi|wlan|vpn)[^|]{0,40}(?:unplugged|disconnected"
            r"|is down|went down"
            r"|link down|lost|changed|roam|reset)|(?:address|dhcp lease) (?:changed|lost|renewed|expired)"
            r"|(?:resum(?:ed|ing)|woke|waking|returned) (?:up )?from (?:sleep|suspend|a low power|hibernat)"
            r"|entering sleep"
        ),
        Step("lifecycle", "link"),
    ),
    (
        re.compile(r"\brecovered\b|session up\b|re-?connected\b|connection (?:re-?stored|recovered|back)|back online"),
        Step("lifecycle", "recovered"),
    ),
    (
        re.compile(r"\breconnect(?:ing)?\b|re-?establish(?:ing)? connection|retry(?:ing)? (?:to )?connect"),
        Step("lifecycle", "reconnecting"),
    ),
    (
        re.compile(
            r"\baccepted (?:a )?(?:connection|client|socket)?|connection (?:accepted|received) from|new (?:client"
            r"|connection) from"
            r"|incoming connection|client connected"
        ),
        Step("lifecycle", "accepted"),
    ),
    (
        re.compile(
            r"(?<!not )(?<!never )(?<!dis)\bconnected (?:to|with|using|via|successfully|\S+:\d+ ?(?:-+>|=+>|→))"
            r"|connection (?:to \S+ )?(?:is |was |has been )?"
            r"(?:established|opened|succeeded|complete)|\bconnect (?:ok|succeeded|completed)|socket opened"
            r"|\b(?:link|session|channel|tunnel|peer|connection|verbindung|sitzung) (?:(?:to|with|zu|mit|vers|avec) )?"
            r"\S+ (?:is |now )?(?:up|open(?:ed)?|attached|online|aufgebaut|établie)\b"
            r"|verbunden mit|verbindung (?:zu \S+ )?hergestellt|connecté à|conectado (?:a|con)\b|接続しました|已连接到"
        ),
        Step("lifecycle", "connected"),
    ),
    (
        re.compile(
            r"starting tls|starttls|tls handshake (?:start|begin)|negotiating tls|authenticateasclient|upgrad\w+ to tls"
        ),
        Step("lifecycle", "tls"),
    ),
    (
        re.compile(
            r"\bconnecting\b|begin ?connect|\bconnectasync\b|opening (?:a )?(?:new )?(?:connection|socket"
            r"|data connection)"
            r"|\bdialing\b|(?:attempting|trying) to (?:open|connect)|attempting connection|open(?:ing)? tcp"
            r"|^trying \S+\.\.\."
            r"|verbinde (?:zu|mit)|verbindungsaufbau|connexion à|conectando|接続中|正在连接"
        ),
        Step("lifecycle", "connecting"),
    ),
    (
        re.compile(
            r"\bresolving\b|looking up|\bdns (?:lookup|query|request)|getaddrinfo\(|gethostbyname\(|namensauflösung"
        ),
        Step("lifecycle", "resolving"),
    ),
    (
        re.compile(
            r"\bdispos(?:e|ed|ing)\b|clos(?:e|ing|ed) (?:the )?(?:socket|connection|session|client|channel|stream)"
            r"|(?:socket|connection|session|client|channel|stream) (?:was |is |has been |being )?(?:clos(?:ed|ing)"
            r"|shut ?down)"
            r"|\bclose(?:socket)?\(\)|\bdisconnect(?:ing|ed)?\b|shutting down (?:the )?(?:connection|socket|session)"
            r"|verbindung (?:wird )?(?:getrennt|geschlossen|beendet)"
        ),
        Step("lifecycle", "closing"),
    ),
    (
        re.compile(
            r"transfer (?:of \S+ )?(?:started|done|complete|finished)|waiting for 226|(?:up"
            r"|down)load(?:ing)? (?:of )?\S+"
            r"|\b(?:stor|retr) \S"
        ),
        Step("lifecycle", "transfer"),
    ),
    (re.compile(r"\blistening (?:on|at|for)|\blisten(?:er)? (?:started|bound)"), Step("lifecycle", "listening")),
)


_LAYERS = tuple(
    row for row in _STEPS if row[1].action in ("tls", "proxy", "ftp", "port-exhaustion") and row[1].kind == "prior"
)


def find_step(folded: str) -> tuple[int, Step] | None:
    """Return the place and meaning of the first step that matches in text that went through `fold`."""
    return _first(_STEPS, folded)


def find_layer(folded: str) -> tuple[int, Step] | None:
    """Return the step that tells which layer refused, for a record that has an error code of its own."""
    return _first(_LAYERS, folded)


def _first(steps: tuple[tuple[re.Pattern[str], Step], ...], folded: str) -> tuple[int, Step] | None:
    for pattern, step in steps:
        match = pattern.search(folded)
        if match:
            return match.start(), step
    return None
