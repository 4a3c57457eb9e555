package light

import (
	"time"

	"lastack/stack/segment"
)

// InitialWindow is how many full-sized segments may be under way (RFC 6928 2).
const InitialWindow = 10

// Config is what the host's side of every connection is like.
type Config struct {
	// MSS is the largest segment that the host takes, in bytes of data (RFC 9293 3.7.1).
	MSS uint16
	// Window is the window of the SYN-ACK, in bytes, and Full what it grows to as soon as
	// the application keeps up. Scale is the window scale that the host offers (RFC 7323 2).
	Window, Full uint32
	Scale        uint8
	// Overhead is how much new data may make the window grow although the application does
	// not read.
	Overhead int
	// SACK says whether the host permits SACK where the peer does (RFC 2018 2).
	SACK bool
}

// Piece is a segment's data, sent and not yet acknowledged.
type Piece struct {
	Seq  segment.Seq
	Data []byte
}

// Conn is one connection, from the peer's SYN on. Make it with New. It is not for several
// goroutines at once.
type Conn struct {
	cfg *Config
	// SYN is the peer's, without data.
	SYN segment.Segment
	// ISS is the host's initial sequence number.
	ISS segment.Seq

	// una and nxt are SND.UNA and SND.NXT, window is SND.WND in bytes.
	una, nxt segment.Seq
	window   uint32
	flight   []Piece
	finSent  bool

	// rcv is RCV.NXT, edge the right edge of the window that the host has offered, and
	// acked the latest acknowledgment that it sent.
	rcv, edge, acked segment.Seq
	unread           []byte
	before           int // unread bytes at the latest offer
	finTaken         bool

	// first is when the first data came or went.
	first time.Duration
	used  bool
}

// New makes a connection of a peer's SYN, which is not kept.
func New(syn *segment.Segment, iss segment.Seq, cfg *Config) *Conn {
	c := &Conn{
		cfg: cfg, SYN: *syn, ISS: iss, una: iss, nxt: iss + 1, window: uint32(syn.Window),
		rcv: syn.Seq + 1, acked: syn.Seq + 1,
	}
	c.SYN.PayloadLen = 0
	c.edge = c.rcv + segment.Seq(cfg.Window)
	return c
}

// Open takes in that the peer has acknowledged the SYN-ACK, by a segment of any kind.
func (c *Conn) Open() { c.una = c.ISS + 1 }

// SYNACK is the answer to the SYN, without its timestamp's value. It leaves Tuple to the
// caller, and with it the version.
func (c *Conn) SYNACK() segment.Segment {
	s := segment.Segment{Flags: segment.SYN | segment.ACK, Seq: c.ISS, Ack: c.rcv, Window: uint16(c.cfg.Window)}
	s.MSS = c.cfg.MSS
	s.SACKPermitted = c.cfg.SACK && c.SYN.SACKPermitted
	s.HasWindowScale, s.WindowScale = c.SYN.HasWindowScale, c.Scale()
	s.HasTimestamps, s.TSEcr = c.SYN.HasTimestamps, c.SYN.TSVal
	return s
}

// Scale is the shift of the host's windows, and peerScale of the peer's: none unless both
// offered one (RFC 7323 2.2).
func (c *Conn) Scale() uint8 {
	if !c.SYN.HasWindowScale {
		return 0
	}
	return c.cfg.Scale
}

func (c *Conn) peerScale() uint8 {
	if !c.SYN.HasWindowScale {
		return 0
	}
	return min(c.SYN.WindowScale, 14) // RFC 7323 2.3
}

// What the peer takes where its SYN names no MSS (RFC 9293 3.7.1), and the least that makes
// a plain connection, as Linux's TCP_MIN_MSS with options.
const (
	defaultMSS4, defaultMSS6 = 536, 1220
	leastMSS                 = 88
)

// MSS is how much data a segment of the host's carries, in bytes. It leaves room for the
// options that any segment may have (RFC 6691 3): as many SACK blocks as there may be, as
// netstack has it, which sends these segments again once it has the connection.
func (c *Conn) MSS() int {
	n := int(c.SYN.MSS)
	switch {
	case n == 0 && c.SYN.Version == 6:
		n = defaultMSS6
	case n == 0:
		n = defaultMSS4
	}
	n = min(n, int(c.cfg.MSS))
	switch sack := c.cfg.SACK && c.SYN.SACKPermitted; {
	case c.SYN.HasTimestamps && sack:
		return n - 40
	case sack:
		return n - 36
	case c.SYN.HasTimestamps:
		return n - 12
	}
	return n
}

// Takes reports whether a connection can begin with the SYN at all.
func Takes(syn *segment.Segment) bool {
	return syn.PayloadLen == 0 && syn.FastOpen == segment.NoFastOpen && syn.Seq+1 != 0 &&
		(syn.MSS == 0 || syn.MSS >= leastMSS)
}

// Una is SND.UNA, Next SND.NXT, and RcvNxt RCV.NXT (RFC 9293 3.3.1).
func (c *Conn) Una() segment.Seq    { return c.una }
func (c *Conn) Next() segment.Seq   { return c.nxt }
func (c *Conn) RcvNxt() segment.Seq { return c.rcv }

// WindowField is the header's field for SND.WND, as the peer sent it, and RoomField the one
// for a window that has room for n bytes and little more.
func (c *Conn) WindowField() uint16 { return uint16(min(c.window>>c.peerScale(), 0xffff)) }
func (c *Conn) RoomField(n int) uint16 {
	step := 1 << c.peerScale()
	return uint16(min((n+step-1)/step, 0xffff))
}

// FINSent and FINTaken report whether the host has sent its FIN, and taken the peer's.
func (c *Conn) FINSent() bool  { return c.finSent }
func (c *Conn) FINTaken() bool { return c.finTaken }

// FINAcked reports whether the peer has acknowledged the host's FIN.
func (c *Conn) FINAcked() bool { return c.finSent && c.una == c.nxt }

// Flight is what the peer has not acknowledged, in order; it is the Conn's.
func (c *Conn) Flight() []Piece { return c.flight }

// Unread is what the application has not read; it is the Conn's.
func (c *Conn) Unread() []byte { return c.unread }
