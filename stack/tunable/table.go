package tunable

import "math"

// defs is the table. It is never written to.
var defs = [count]Def{
	{
		ID: DelayedACK, Name: "lastack.delayed_ack", Min: 0, Max: 1, Default: 1,
		Doc: `Whether the host delays pure ACKs (RFC 9293 3.8.6.3, RFC 5681 4.2). On, the ACK
of the peer's FIN waits for the host's own FIN and, if the application closes
in time, travels with it: three segments. Off, every ACK goes out at once: four.
Linux has no such switch: TCP_QUICKACK is per socket and wears off; the closest is
the route attribute "quickack 1". Turning it off sends the ACKs that are held.`,
	},
	{
		ID: DelayedACKms, Name: "lastack.delayed_ack_ms", Min: 1, Max: 499, Default: 40, Unit: "ms",
		Doc: `How long a pure ACK may wait for a segment to carry it. RFC 9293 3.8.6.3 demands
less than half a second. Linux waits 40 ms after earlier data, but only until its
next tick, some milliseconds, for the FIN of a connection that never received any;
so does lastack, for 4 ms. When the time is up a pure ACK goes out: waiting does
not merge it with a FIN, only the application's close() makes a FIN.`,
	},
	{
		ID: QuickACK, Name: "lastack.quickack", Min: 0, Max: 1, Default: 0,
		Doc: `Whether a young connection's ACKs go out at once, as Linux's do: the first 16 of
them, until the host has sent data itself or the peer a FIN. 0, the default, holds
those for up to 4 ms, and later ones as lastack.delayed_ack_ms says, which saves a
short connection one segment: an answer within 4 ms carries the ACK of the request.
Linux has it always on (TCP_MAX_QUICKACKS), so that a capture of a short connection
there has an ACK between the request and the answer. It changes nothing for the FIN:
its ACK is delayed on a young connection as on any other.`,
	},
	{
		ID: MSLms, Name: "lastack.msl_ms", Min: 1, Max: 240_000, Default: 30_000, Unit: "ms",
		Doc: `The maximum segment lifetime; TIME_WAIT lasts twice as long (RFC 9293 3.4.2 and
3.10.7.4, which suggests an MSL of two minutes). The default gives Linux's
60 seconds. Linux has no such knob: its 60 seconds are a constant of the kernel,
and net.ipv4.tcp_fin_timeout, often taken for it, bounds FIN_WAIT_2 of an
orphaned connection instead. A new value holds for every TIME_WAIT that begins
after it.`,
	},
	{
		ID: TWReuse, Name: "net.ipv4.tcp_tw_reuse", Min: 0, Max: 2, Default: 2,
		Doc: `Whether Dial may take a local port whose last connection to the same destination
is still in TIME_WAIT. 0: never. 1: if that connection had timestamps and
net.ipv4.tcp_tw_reuse_delay has passed since the last one was heard. 2, the
default as in Linux: on loopback only; a host on a TUN has no loopback, so 2 is
like 0 here. It is for outgoing connections alone. It does nothing for a server
that closes first: a client's SYN with a larger timestamp or sequence number
ends a TIME_WAIT whatever this says. Nor does it shorten TIME_WAIT, or do
anything while either side's timestamps are off.`,
	},
	{
		ID: TWReuseDelay, Name: "net.ipv4.tcp_tw_reuse_delay", Min: 1, Max: 60_000, Default: 1000, Unit: "ms",
		Doc: `How long after the last timestamp that the peer sent its port in TIME_WAIT may
be taken again, with net.ipv4.tcp_tw_reuse at 1. The peer has then seen its
timestamp clock tick, and can tell the new connection's segments from the old
one's. It is not a time that Dial waits: until it has passed, Dial takes another
port, or fails if there is none. Linux has it as a sysctl since 6.14; before,
reuse took one second, which nobody could change.`,
	},
	{
		ID: MaxTWBuckets, Name: "net.ipv4.tcp_max_tw_buckets", Min: 0, Max: math.MaxInt32, Default: 131_072,
		Doc: `How many TIME_WAIT records there may be. Past it, and always at 0, a connection
ends without TIME_WAIT: the close looks the same on the wire, but if the last
ACK was lost the peer's repeated FIN is answered with a RST. So it does not make
TIME_WAIT cheap or short, it takes its protection away; it is a defence against
exhausted memory. Lowering it purges nothing. Linux does the same, counts the
FIN_WAIT_2 of connections without an application too, sets its default by the
machine's memory, and takes negative values, which lastack does not.`,
	},
	{
		ID: RFC1337, Name: "net.ipv4.tcp_rfc1337", Min: 0, Max: 1, Default: 0,
		Doc: `Whether RSTs are ignored in TIME_WAIT, against what RFC 1337 calls its
assassination. At 0, as in Linux, a RST at exactly the next sequence number ends
TIME_WAIT at once; one at any other number, or with an old timestamp, does not.
At 1 none does. The name misleads twice: 1 does not disable RFC 1337 but follows
its advice, and 0 is no faster close, since RSTs in TIME_WAIT are rare. It
protects no connection in any other state. Linux takes any number up to 255 and
means 1 by all but 0.`,
	},
	{
		ID: FinTimeout, Name: "net.ipv4.tcp_fin_timeout", Min: 1, Max: 2_147_483, Default: 60, Unit: "s",
		Doc: `How long FIN_WAIT_2 may last once the application has closed the connection and
the peer has acknowledged the FIN but sends none itself; a FIN that comes later
is answered with a RST. It does not shorten TIME_WAIT, for which it is often set
to 30 or less: in Linux TIME_WAIT lasts 60 s whatever this says, in lastack
twice lastack.msl_ms. After shutdown(SHUT_WR), or CloseWrite, the application
still reads, and FIN_WAIT_2 has no bound at all. Linux takes 0 and -1 too, and
more than this maximum where its clock ticks less than 1000 times a second.`,
	},
	{
		ID: OrphanRetries, Name: "net.ipv4.tcp_orphan_retries", Min: 0, Max: 255, Default: 0,
		Doc: `How long the host repeats a FIN that is not acknowledged, once the application has
closed the connection: as long as that many retransmissions take, which begin at
200 ms and double, up to two minutes. 0, the default, stands for 8, as in Linux:
the connection is gone 108 s after its first FIN where the round trip is short,
1.7 s with 1 and 6.7 s with 3, or a little sooner if the peer does not know SACK,
as the first copy is no probe of the tail then. It ends FIN_WAIT_1, CLOSING and
LAST_ACK without a RST. It does not bound FIN_WAIT_2 (net.ipv4.tcp_fin_timeout
does) nor TIME_WAIT, and is not a number of FINs. A connection that the application
still holds after CloseWrite has as long as Linux's tcp_retries2 gives it, 15
minutes.`,
	},
	{
		ID: Timestamps, Name: "net.ipv4.tcp_timestamps", Min: 0, Max: 2, Default: 1,
		Doc: `Whether connections begun after the change offer TCP timestamps and answer the
peer's offer (RFC 7323). 1 and 2: they do. 0: they do neither. In Linux 2 is 1
without a random offset for each connection; lastack treats them alike, and does
not take the numbers up to 255 that Linux does. Turning them off does not only
save 12 bytes a segment: it takes away PAWS, which tells old segments from new
ones, and with it net.ipv4.tcp_tw_reuse, and leaves the sequence number alone to
decide whether a SYN may end a TIME_WAIT.`,
	},
	{
		ID: SynCookies, Name: "net.ipv4.tcp_syncookies", Min: 1, Max: 2, Default: 1,
		Doc: `When a SYN is answered with a cookie, which costs no memory (RFC 4987 3.6). 1: once
as many handshakes are under way as the listener's backlog allows. 2: always. Linux
knows 0 as well, never; netstack, on which lastack stands, does not. A connection by
cookie is often called as good as any other. It is not: the cookie has no room for
the window scale and SACK, so the peer never has more than 65,535 bytes under way.
Linux keeps both in the timestamp, where there is one; netstack does not. Cookies do
not help against connections that complete their handshake.`,
	},
	{
		ID: PortRange, Name: "net.ipv4.ip_local_port_range", Kind: PortPair,
		Min: 1024, Max: 65_535, Default: pack(32_768, 60_999),
		Doc: `The first and the last local port that Dial chooses from. The default has 28,232
ports: that many connections at once, TIME_WAIT included, to one address and
port. It is no bound on connections altogether, since each destination has the
whole range to itself, and none on those that a server accepts, which use up no
port of its own. A wider range puts the end off and removes nothing. Linux
refuses a first port below net.ipv4.ip_unprivileged_port_start, 1024 in a new
namespace, and so does lastack; Linux takes a single number for the first port
and keeps the last, where lastack wants both.`,
	},
	{
		ID: InvalidRatelimit, Name: "net.ipv4.tcp_invalid_ratelimit", Min: 0, Max: math.MaxInt32, Default: 500, Unit: "ms",
		Doc: `The least time between two ACKs of one TIME_WAIT in answer to segments without
data, such as an unacceptable SYN; 0 answers each. It keeps two confused ends,
or an attacker, from making them acknowledge each other for ever. Data and FINs
are always answered, so it neither delays nor hides the ACK of a repeated FIN.
It is no limit on RSTs or on ICMP. Linux applies it to invalid segments in every
state and rounds it up to its clock's ticks; lastack does so in TIME_WAIT alone,
and to the millisecond.`,
	},
	{
		ID: TWRecycle, Name: "net.ipv4.tcp_tw_recycle", Min: 0, Max: 1, Default: 0,
		Doc: `Here as history: gone from Linux since 4.12, though advice to set it lives on. At
1, TIME_WAIT of a connection with timestamps lasts 3.5 retransmission timeouts
(0.7 s), and a SYN whose timestamp is smaller than the latest heard from the
same address within 60 s is dropped without an answer. That took one address for
one clock. Behind a NAT there are many, so it is not the harmless cure of a
server's TIME_WAIT it was taken for: some clients connect, others time out, by
whose clock is ahead. It needs net.ipv4.tcp_timestamps on both sides.`,
	},
	{
		ID: FastOpen, Name: "net.ipv4.tcp_fastopen", Min: 0, Max: 0x607, Default: 1,
		Doc: `TCP Fast Open (RFC 7413), as a sum of bits. 1: a client that asks for it may send
data in its SYN. 2: listeners answer a request for a cookie, and take data that
comes in a SYN with one. 4: clients send data without a cookie too. 512:
listeners take data without a cookie. 1024 enables Fast Open on every
listener; lastack always does, so the bit has no effect. Other bits mean nothing, as in Linux.
It is no switch that makes applications faster by itself: a client has to hand
its data to the call that connects, and its first connection to a server only
fetches the cookie. A SYN may come twice, to a server that has lost its memory
in between: a request that must not be executed twice does not belong in a SYN.`,
	},
	{
		ID: FastOpenKey, Name: "net.ipv4.tcp_fastopen_key", Kind: Keys,
		Doc: `The key of the cookies that listeners give out, as four words in hexadecimal, and
with a comma a second one, whose cookies are still taken. Zeros, the default,
stand for a key drawn at random, which is not shown. A new key alone keeps the
one before it as the second, so that a change takes no client's cookie away; the
change after that does. Linux drops the old key unless it is given as the second.
Cookies are Linux's: hosts with one key take each other's. The key keeps nothing
secret. It keeps an attacker from making a server work for an address that is not
the attacker's.`,
	},
	{
		ID: FastOpenBlackhole, Name: "net.ipv4.tcp_fastopen_blackhole_timeout_sec", Min: 0, Max: math.MaxInt32, Default: 0, Unit: "s",
		Doc: `For how long clients send no data in SYNs after one connection's SYN with data
and two more behind it went unanswered: some middleboxes swallow such
connections. Each time that it happens again doubles it, up to 64 times; data
that a SYN-ACK acknowledges sets it back. 0, Linux's default since 5.14, never
stops. It is not about a server that refuses a cookie, whose data follow the
handshake, nor about one lost SYN: the next that netstack sends has no data.`,
	},
	{
		ID: FastOpenPending, Name: "lastack.fastopen_pending", Min: 0, Max: 65_535, Default: 256,
		Doc: `How many connections there may be whose data was taken out of the SYN and whose
handshake is not over (RFC 7413 5.1). Beyond it listeners do without Fast Open:
the handshake is a plain one, without a cookie, and the client sends its data
again. It is no limit on connections, and none on clients that send no data in
SYNs. In Linux it is the backlog that each listener gives with TCP_FASTOPEN; here
all listeners share it. As there, one that the client resets counts for a minute.`,
	},
	{
		ID: Light, Name: "lastack.light", Min: 0, Max: 1, Default: 0, Unnoticed: true,
		Doc: `Whether the close path itself serves the connections that peers open and that need
little of TCP: in order, acknowledged in time, at most ten segments under way,
data for a second. netstack sees nothing of them, which saves nearly half of the
processor time of a short connection, and gets one as soon as it wants more,
because of loss, size or a socket option, as if it had had it from the start. 0,
the default, leaves all to netstack. The close is the same: delayed ACK, the FIN's
timers and TIME_WAIT are the close path's in either case. It is not another TCP
but less of one, and changes nothing for connections that the host opens, nor for
one that has begun. Linux has nothing like it.`,
	},
	{
		ID: FINWithData, Name: "lastack.fin_with_data", Min: 0, Max: 1, Default: 1,
		Doc: `Whether the FIN may travel in the last segment of data. It does where that segment
has not left yet when the application closes, because the peer's window, the
congestion window or Nagle's algorithm holds it, and where the application says
that a write is its last one, which on Linux is MSG_MORE and then close. Linux
does both, and has no switch. 0 gives the FIN a segment of its own, as netstack
does, to show a close in four segments. Nothing waits for a FIN: data that may go
leave with the write, which is why a plain write and then a close send two
segments, here and on Linux. What is lost is sent again as it was, data and FIN
in one segment, until the peer has acknowledged the data.`,
	},
}
