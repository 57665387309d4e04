"""How the state of flows is laid out in 64-bit words; ``layout.pxd`` is the compiled twin.

Every structure is a group of words in one ``array('q')``, so that a flow's hot words share cache lines and a digest
pickles as a few arrays. The *sides* of a flow are its low (0) and high (1) endpoint by address and port; who is the
initiator is decided when a flow is judged. A *ref* is capture << 40 | frame.
"""

from __future__ import annotations

REF_CAPTURE = 40  # bits of a frame number within a ref

# What is kept of each flow.
KEEP_FIRST = 12  # segments from its start
KEEP_LAST = 36  # segments up to its end
KEEP_ALL = 48  # so many are kept without a gap
KEEP_SILENCES = 6
KEEP_RANGES = 12  # pieces of sequence space below the highest one
KEEP_TTLS = 3  # beside the first
KEEP_WORDS = 96  # payload bytes of a head or tail
SECOND = 1_000_000_000  # ns; shorter silences are none
WILD = 1 << 30  # a jump in sequence space that is not believed

# Keys: which entry a packet belongs to. An entry is an incarnation, or part of one until ``resolve``.
E_KEY = 0  # IPv4: (low - 2**31) << 32 | high; IPv6: index of the address pair
E_PORTS = 1  # low port << 16 | high port | EP_V6
E_PREVIOUS = 2  # earlier entry of the same endpoints + 1, 0 for none
E_HASH = 3
E_BASE = 4  # (base of the high side - 2**31) << 32 | base of the low side
E_BITS = 5
E_START = 6  # sequence number of the SYN it starts with
E_SOCKS = 7  # tunnelled port << 8 | state, for flows of port 1080
E_STRIDE = 8
EP_V6_SHIFT = 32

EB_BASE_LOW = 1  # base of the low side is set
EB_BASE_HIGH = 2
EB_SURE_LOW = 4  # ... by a SYN, so no earlier packet could have set another
EB_SURE_HIGH = 8
EB_HARD = 16  # nothing before this entry matters to it
EB_SOFT = 32  # whether this is a new incarnation depends on what came before the digest
EB_SYN = 64  # starts with a SYN
EB_SYN_HIGH = 128  # ... of the high side
EB_PACKETS = 256  # has packets (a quoted segment alone makes an entry without)
EB_TUNNEL = 512

K_ENTRIES = 0
K_PAIRS = 1  # IPv6 address pairs
K_FIRST = 2  # the digest starts where its capture starts
K_DOUBTS = 3  # entries that reading in one go might have numbered otherwise; see M_DOUBTS
K_SIZE = 4

# Tally: counters, times, sequence space.
T_BITS = 0
T_HISTORY = 1  # codes of four bits in order of appearance: letter * 2 + side + 1
T_HALVES = 2
H_PACKETS = 0  # data segments << 32 | packets
H_BYTES = 1
H_FIRST_REF = 2
H_FIRST_NS = 3
H_LAST_REF = 4
H_LAST_NS = 5
H_BASE = 6  # from << 32 | sequence number that the next three count from
H_NEXT = 7
H_TOP = 8  # start and end of the highest piece seen
H_TOP_END = 9
H_ACK = 10  # largest payload << 32 | highest acknowledgment
H_FLAGS = 11
H_COUNTS = 12  # RST << 40 | FIN << 20 | SYN, each at most 2**20 - 1
H_MISC = 13  # packets cut << 32 | flags of the first packet << 16 | MSS
H_STRIDE = 14
T_STRIDE = 30

TB_LAST_HIGH = 1 << 14  # the last packet was the high side's; the bits below are the history's letters
TB_STARTED = 1 << 15
TB_STEPS = 16  # times the clock went back, from this bit on

HF_STARTED = 1
HF_ACKED = 2
HF_WILD = 4  # sequence numbers jumped: next and coverage are unknown
HF_ACK_WILD = 8
HF_OVERFLOW = 16  # too many pieces: coverage is unknown
HF_TTL_OVERFLOW = 32
HF_ISN = 64  # H_BASE holds the ISN
HF_PRE = 128  # packets were tracked before the first SYN
HF_MULTI = 256  # SYNs with different sequence numbers
HF_MSS = 512
HF_SCALE = 1024
HF_TOP = 2048
HF_TTL = 4096
HF_LEAD = 8192  # nothing but empty segments at the first sequence number so far
HF_TTL_SHIFT = 16
HF_SCALE_SHIFT = 24
HF_COLD = 32  # index of the cold record + 1, from this bit on

COUNT_ONE_FIN = 20
COUNT_ONE_RST = 40
COUNT_LIMIT = (1 << 20) - 1

C_ZERO = 0  # zero windows
C_KEEP = 1  # keepalives
C_KEEP_BYTES = 2
C_UNTRACKED = 3  # payload bytes outside the coverage
C_LEAD_SEQ = 4
C_LEAD = 5  # keepalives if the half's next number before the digest was C_LEAD_SEQ + 1
C_LEAD_BYTES = 6
C_LEAD_NOT = 7  # and these are none then
C_LEAD_NOT_BYTES = 8
C_TTL = 9  # ttl << 48 | count
C_PIECES = 12  # pieces below the top one
C_PIECE = 13  # start and end of each, ascending
C_PEAK = 37  # pieces below the top one, at most so far
C_STRIDE = 38

M_COLD = 0  # cold records used
M_DOUBTS = 1  # halves that merging may have told otherwise than reading in one go would have
M_SIZE = 2

# Segments: the first and the last, in a list of chunks whose last part is a ring.
S_CHUNKS = 0  # current chunk << 32 | first chunk
S_COUNT = 1
S_SILENCES = 2  # index + 1 << 2 | sides that owe an answer
S_EXTRAS = 3  # index + 1
S_STRIDE = 4

G_SEGMENTS = 4  # in a chunk
G_WORDS = 4  # of a segment: ROW_SEQACK, ROW_HOP, ROW_SHAPE, ns
G_STRIDE = 17  # first word: capture index >> 7 of each << 32 | next chunk
G_SEQACK = 0
G_HOP = 1
G_SHAPE = 2
G_NS = 3

X_SEGMENTS = 8  # of each side: first SYN, first FIN, first RST, last RST that left the ring
X_WORDS = 5  # the segment and its ref, 0 for none
X_STRIDE = 40

L_COUNT = 0
L_SHORTEST = 1  # ns, of a full list: nothing shorter gets in
L_FIRST = 2
L_BEFORE_REF = 0  # side << 60 | ref
L_BEFORE_NS = 1
L_AFTER_REF = 2
L_AFTER_NS = 3
L_ANSWER_REF = 4  # 0 for none
L_ANSWER_NS = 5
L_SHAPE = 6  # payload length << 18 | flags of the answer << 9 | flags
L_WORDS = 7
L_STRIDE = 44
L_SIDE = 60

P_CHUNKS = 0  # chunks used
P_SILENCES = 1
P_EXTRAS = 2
P_SIZE = 3

# Words: the first and last payload of each half.
W_LOW = 0  # tail << 32 | head, as pool offsets in words + 1; bit W_CONTROL of W_LOW: a greeting with code 220 was seen
W_HIGH = 1
W_STRIDE = 2
W_CONTROL = 31
W_BIG = 62  # the tail has a long chunk
W_POOL = 0  # pool words used
W_FREE = 1  # first free chunk of the short kind + 1
W_SIZE = 2
W_SHORT = 7  # words of a short chunk: W_FEW bytes
W_FEW = 48
W_LONG = 13

# Judgement: one group a flow.
J_WHERE = 0  # stream << 32 | entry
J_META = 1  # reasons << 16 | J_* below
J_SILENCE = 2  # longest, ns
J_UNANSWERED = 3  # when the first of several unanswered sends was sent, ns; -1 for none
J_STRIDE = 4
J_SIDE = 1  # the initiator is the high side
J_HOW = 1  # two bits from this one on: 0 SYN, 1 SYN-ACK, 2 port, 3 first packet
J_VERDICT = 3  # four bits from this one on, index into machine.VERDICTS
J_ESTABLISHED = 128
J_REASONS = 16

# Likeness of suspects: one group a flow.
N_KEY = 0  # 0: shows nothing that could make an incident
N_FRAME = 1  # of the decisive packet, or of the flow's last one
N_NS = 2
N_STRIDE = 3

R_RESET = 1
R_HANDSHAKE = 2
R_HALF_CLOSED = 4
R_UNACKED = 8
R_ZERO_WINDOW = 16
R_RETRANSMITTED = 32
R_KEEPALIVE = 64
R_DATA_AFTER_FIN = 128
R_NO_REPLY = 256
R_TLS_ALERT = 512
R_REFUSAL = 1024
R_REPLACED = 2048
R_UNKNOWN = 4096
R_ONE_SIDED = 8192
SLOW_HANDSHAKE = 300_000_000  # ns
LATE_REPLY = 5  # s
END_PART = 8  # segments

# Outline: one row a flow for tables.
O_STREAM = 0  # the initiator's numbers first, OTHER the responder's; -1 is not known
O_ENTRY = 1
O_FIRST_FRAME = 2
O_LAST_FRAME = 3
O_FIRST_NS = 4
O_LAST_NS = 5
O_PACKETS = 6
O_OTHER_PACKETS = 7
O_BYTES = 8
O_OTHER_BYTES = 9
O_FINS = 10
O_RSTS = 11
O_RETRANSMITTED = 12
O_OTHER_RETRANSMITTED = 13
O_MISSING = 14
O_OTHER_MISSING = 15
O_KEEPALIVES = 16
O_ZERO_WINDOWS = 17
O_HANDSHAKE = 18  # first SYN to first SYN-ACK, ns
O_SILENCE = 19  # longest, ns
O_SILENCE_FRAME = 20
O_REUSED = 21
O_HISTORY = 22  # T_HISTORY, sides turned: 0 the initiator's
O_MARKS = 23  # how many words of the marks are this flow's
O_STRIDE = 24

MARK_SYN = 1  # a mark is frame << 3 | these
MARK_FIN = 2
MARK_RST = 4
MARK_SHIFT = 3
