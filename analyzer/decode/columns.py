"""The columns that pass from step to step, as offsets into 64-bit words; ``columns.pxd`` is the compiled twin.

A *record* is where a packet lies in a buffer. A *row* is one TCP segment. Both are groups of ``*_STRIDE`` words in one
``array('q')``. A batch holds at most ``BATCH`` of each.
"""

from __future__ import annotations

BATCH = 4096
AHEAD = 12  # rows that memory is asked for in advance

# Literals above 31 bits have names, because a bare one would be a Python object to the compiler.
BIT31 = 0x80000000
LOW32 = 0xFFFFFFFF
LOW48 = 0xFFFFFFFFFFFF
LOW60 = 0xFFFFFFFFFFFFFFF
LOW62 = 0x3FFFFFFFFFFFFFFF
MIX_FACTOR = 0x1CE4E5B9BF58476D
YEAR_2096 = 4_000_000_000  # s

# Record: written by the walk over the file, read by the decoder.
REC_OFF = 0  # of the first packet byte in the buffer
REC_CAP = 1  # bytes captured
REC_ORIG = 2  # bytes on the wire
REC_TS = 3  # ns since 1970
REC_LINK = 4  # interface << 16 | link type
REC_STRIDE = 5

# Row: written by the decoder, read by every pass of the digest.
ROW_TS = 0  # ns since 1970
ROW_REF = 1  # capture << 40 | frame
ROW_KEY = 2  # IPv4: (low address - 2**31) << 32 | high address; IPv6: buffer offset of source and destination
ROW_PORTS = 3  # low side's port << 16 | high side's port
ROW_SEQACK = 4  # (ack - 2**31) << 32 | seq
ROW_HOP = 5  # ttl << 48 | window << 32 | frame (low 32 bits)
ROW_SHAPE = 6  # length << 46 | link source << 30 | ip id << 14 | MARK_* | flags
ROW_PAYLOAD = 7  # buffer offset << 32 | captured bytes
ROW_LENGTH = 8  # payload length, not saturated
ROW_OPTIONS = 9  # mss | window scale << 16 | OPT_*
ROW_BITS = 10  # ROW_SIDE ...
ROW_HASH = 11
ROW_STRIDE = 12

# ROW_BITS
BIT_SIDE = 1  # sent by the high side of the key
BIT_V6 = 2
BIT_TUNNEL = 4  # VLAN tag or any encapsulation
BIT_CUT = 8  # header or payload cut by the snap length
BIT_QUOTED = 16  # the segment is quoted by an ICMP error: it names a stream but is no packet of it
BIT_BOGUS = 32  # its header length is impossible: it is no packet either, but Wireshark takes its numbers for the stream's
BIT_SHORT = 64  # the header is longer than the segment: a packet, but Wireshark does not take its numbers

# ROW_OPTIONS
OPT_MSS = 1 << 24
OPT_WSCALE = 1 << 25
OPT_SACK_OK = 1 << 26

# ROW_SHAPE, from the low end: nine flags, then these.
MARK_OPTIONS = 1 << 9
MARK_DF = 1 << 10
MARK_SACK = 1 << 11
MARK_HIGH_SIDE = 1 << 12
MARK_IP_ID = 1 << 13
SHAPE_IP_ID = 14  # 16 bits
SHAPE_LINK = 30  # 16 bits
SHAPE_LENGTH = 46  # 17 bits, saturated
SHAPE_LENGTH_MAX = (1 << 17) - 1

# Note: written by the decoder, read by plain Python.
NOTE_KIND = 0
NOTE_REF = 1
NOTE_TS = 2
NOTE_ADDRESS = 3  # buffer offset of the source address (or of the ARP packet)
NOTE_PORTS = 4  # source << 16 | destination
NOTE_TTL = 5
NOTE_OFF = 6
NOTE_LEN = 7
NOTE_FAMILY = 8  # 4, 6 or 0
NOTE_STRIDE = 9

KIND_ICMP = 1
KIND_DNS = 2
KIND_ARP = 3
KIND_NEIGHBOUR = 4
KIND_DHCP = 5
KIND_FTP = 6
KIND_FRAGMENT = 7

# State of a walk.
WALK_POS = 0  # where the next record starts in the buffer
WALK_FRAME = 1  # frames numbered so far
WALK_STOP = 2  # STOP_*
WALK_CAPTURE = 3  # capture index << 40
WALK_SWAPPED = 4  # file is big-endian
WALK_UNIT = 5  # ns per fractional tick (pcap)
WALK_LINK = 6  # link type (pcap)
WALK_HEADER = 7  # record header bytes (pcap)
WALK_LIMIT = 8  # largest captured length that is believed
WALK_TRUNCATED = 9
WALK_FIRST = 10
WALK_LAST = 11
WALK_STEPS = 12
WALK_LARGEST_STEP = 13
WALK_COMMENTS = 14
WALK_INTERFACES = 15
WALK_FOREIGN = 16  # frames of blocks that hold no packet
WALK_NEED = 17  # bytes that the record at WALK_POS takes, where known
WALK_SIZE = 18

STOP_MORE = 0  # the buffer ends inside a record
STOP_FULL = 1  # the batch is full
STOP_BLOCK = 2  # a pcapng block that plain Python reads
STOP_DAMAGED = 3  # what stands here is no record

# Interface table of pcapng, one group for each.
IF_LINK = 0
IF_KIND = 1  # 0: ticks * IF_VALUE; 1: ticks // IF_VALUE; 2: ticks * 10**9 >> IF_VALUE
IF_VALUE = 2
IF_OFFSET = 3  # ns to add
IF_SNAP = 4
IF_STRIDE = 5

# Where decoding stopped: COUNT_* below 512 index a counter; larger ones are kept as (code, count) pairs.
STOP_TCP = 0
STOP_LINK_CUT = 1
STOP_LINK_TYPE = 2
STOP_LLC = 3
STOP_ARP = 4
STOP_IP_CUT = 5
STOP_IP_BAD = 6
STOP_FRAGMENT = 7
STOP_TCP_CUT = 8
STOP_TCP_BAD = 9
STOP_DEPTH = 10
STOP_PPP = 11
STOP_MPLS = 12
STOP_TUNNEL_CUT = 13
STOP_TUNNEL = 14
STOP_EMPTY = 15
STOP_PROTOCOL = 256  # + IP protocol number
STOP_ETHERTYPE = 1 << 16  # + ethertype
COUNT_DIRECT = 512
COUNT_PAIRS = 64
COUNT_SIZE = COUNT_DIRECT + 2 * COUNT_PAIRS + 1  # the last one counts what found no pair

# Scratch of the decoder.
LINK_POS = 0
LINK_STOP = 1
LINK_BITS = 2
LINK_HASH = 3
LINK_NOTES_LEFT = 4  # notes that may still be kept
LINK_NOTES_DROPPED = 5
LINK_ROWS = 6  # rows written by the last call
LINK_NOTES = 7  # notes written by the last call
LINK_UDP = 8  # a fragmented UDP tunnel was seen, so UDP fragments are put together
LINK_SIZE = 9

# What a header is.
WHAT_TYPE = 0
WHAT_ETHER = 1
WHAT_MPLS = 2
WHAT_PPP = 3
WHAT_LLC = 4
WHAT_GRE = 5
WHAT_NIBBLE = 6
WHAT_WIFI = 7
WHAT_NSH = 8
WHAT_CISCO = 9  # HDLC
WHAT_RELAY = 10  # frame relay
WHAT_NLPID = 11

# What is odd about an 802.11 frame.
WIFI_SWAPPED = 1  # the two bytes of its frame control
WIFI_PADDED = 2  # its header is, to a multiple of four bytes
