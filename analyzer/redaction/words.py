"""Words that say nothing of a site: what may stay of a refusal, a header or a name."""

from __future__ import annotations

__all__ = ["COMMANDS", "HEADERS", "HEADER_VALUES", "ORDINARY", "SERVICE_LABELS", "TOP_LABELS", "WORDS"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _bytes(text: str) -> frozenset[bytes]:
    return frozenset(text.encode("ascii").split())


WORDS = _words(
    """a abort aborted aborting accept accepted access account action active address administratively again all allowed
    already also and any are as ascii at attempt attempts auth authenticated authentication authorization authorized
    auto back bad balance bad_request banner be because been before binary blocked broken busy but by bye can cannot
    can't cert certificate change changed channel cleartext client close closed closing closes command commands complete
    completed conflict connect connected connection connections content continue control could couldn't create created
    credentials current data database days delay delayed delete deleted denied device directory disabled disallowed
    disconnect disconnected disconnecting does doesn't done down due early encoding encountered encrypted encryption end
    ended entering entity entry eof error errors esmtp established exceed exceeded exists expected expired exit extended
    fail failed failure fatal file files first for forbidden forced found from full gateway go going gone good goodbye
    greeting greylisted handshake has have hello hostname hour hours idle if ignored in inactive inactivity incorrect
    input internal invalid is it kerberos key keepalive kill killed large last later length limit limited limits line
    lines list local locked log logged login logon logout long lost lower mail mailbox many max maximum maintenance
    memory message method minute minutes missing mode moved ms must name negotiation net network no not notice now off
    offline ok on only open opened opening operation option or out over overloaded parameter parameters passive password
    path payload pending per permanent permanently permission please policy port prepared privileged proceed process
    progress protocol proxy quit quota rate ready reason received recovery redirect refused reject rejected remote reply
    request requested require required requires reserved reset resource resources response restart restarted restricted
    retry root route rows same seconds secure security see select send sender sent server service services session
    sessions set shell shut shutdown shutting size slow smtp smtps some space spam ssl start started starting state stat
    status still stop stopped storage stream success successful successfully support supported switching syntax system
    table tables take tcp temporarily temporary terminated terminating than the there this time timed timeout timeouts
    tls to too traffic transaction transfer transferred transmission try type unable unacceptable unauthorized
    unavailable unexpected unknown unsupported until up update upgrade use used user users using utf8 valid version wait
    waiting was welcome when will with without wrong xmpp you your"""
)
"""What a server's words may keep; every other word becomes x."""

COMMANDS = _bytes(
    """ABOR ACCT ALLO APPE AUTH CCC CDUP CLNT CWD DELE EHLO ENC EPRT EPSV EXPN FEAT HELO HELP LANG LIST MAIL MDTM MKD
    MLSD MLST MODE NLST NOOP OPTS PASS PASV PBSZ PORT PROT PWD QUIT RCPT REIN REST RETR RMD RNFR RNTO RSET SITE
    SIZE
    SMNT STARTTLS STAT STOR STOU STRU SYST TYPE USER VRFY XCUP XCWD XMKD XPWD XRMD DATA BDAT APOP CAPA LAST STLS TOP
    UIDL IDLE LOGIN SELECT FETCH"""
)
"""First words of what an FTP, SMTP, POP3 or IMAP client says."""

HEADERS = _bytes(
    """accept accept-encoding accept-language allow authorization cache-control connection content-encoding
    content-length content-type cookie date etag expect expires host if-modified-since if-none-match keep-alive
    last-modified location origin pragma proxy-authenticate proxy-authorization proxy-connection range referer
    retry-after server set-cookie te trailer transfer-encoding upgrade user-agent vary via www-authenticate
    x-forwarded-for x-request-id"""
)
"""Header fields whose name may stay (RFC 9110 §18.4)."""

HEADER_VALUES = _bytes(
    "connection content-length keep-alive proxy-connection transfer-encoding expect upgrade retry-after te"
)
"""Header fields whose value says how the connection is to be treated, and so stays."""

TOP_LABELS = _words(
    """arpa at be biz ca ch com corp cz de dev dk edu es eu example fi fr gov home info int internal intranet invalid io
    it jp lan local localdomain mil net nl no org pl ru se test uk us"""
)
SERVICE_LABELS = _words(
    "_dc _gc _http _https _kerberos _kpasswd _ldap _ldaps _msdcs _sip _sites _smtp _ssh _tcp _tls _udp _pdc arpa "
    "in-addr ip6 localhost"
)
"""Labels that name a service or a tree and no host (RFC 2782, RFC 1035 §3.5)."""

ORDINARY = (
    _words(
        """address application box browser call capture client code connection data database db device dns example file
    firewall flow frame ftp gateway handshake header host idle keepalive local localhost log login mail name nat network
    packet path peer port process program proxy queue reader request reset responder response retry router script server
    service silence site socket sql state stream table time timeout transfer user web"""
    )
    | WORDS
)
"""Words of a report's own prose: a host of such a name is not looked for in it."""
