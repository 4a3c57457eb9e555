package capturetest

import (
	"fmt"
	"time"

	"lastack/stack/segment"
)

// Kind is how a connection closes; the words are those of package teardown.
type Kind string

// The kinds of close.
const (
	ThreeWay     Kind = "three-way"
	FourWay      Kind = "four-way"
	Simultaneous Kind = "simultaneous"
	HalfClosed   Kind = "half-closed"
	Reset        Kind = "reset"
	Refused      Kind = "refused"
	Open         Kind = "open"
	Unanswered   Kind = "unanswered"
)

// Kinds lists all kinds of close.
func Kinds() []Kind {
	return []Kind{ThreeWay, FourWay, Simultaneous, HalfClosed, Reset, Refused, Open, Unanswered}
}

// Format is a file format.
type Format uint8

// The formats.
const (
	Pcap     Format = iota // microseconds
	PcapNano               // nanoseconds
	Pcapng                 // nanoseconds
)

// Link is what stands before the IP packet of each record.
type Link uint8

// The links. VLAN and QinQ are Ethernet with one tag and with two; CookedVLAN
// is Linux cooked version 2 with one.
const (
	Ethernet Link = iota
	VLAN
	QinQ
	CookedV1
	CookedV2
	CookedVLAN
	RawIP
	Null
	Loop
)

// Links lists all links.
func Links() []Link {
	return []Link{Ethernet, VLAN, QinQ, CookedV1, CookedV2, CookedVLAN, RawIP, Null, Loop}
}

// String is the link's name, for subtests.
func (l Link) String() string {
	return [...]string{"ethernet", "vlan", "qinq", "cooked v1", "cooked v2", "cooked v2 vlan", "raw", "null", "loop"}[l]
}

// Config says what to generate. The zero value is a thousand connections of
// all kinds over IPv4 in a little-endian pcap file of Ethernet frames.
type Config struct {
	// Seed makes another file of the same sort.
	Seed uint64
	// Connections is how many to write; 0 means 1000.
	Connections int
	// Kinds are mixed evenly; nil means all. A kind may be named twice to
	// make it twice as frequent.
	Kinds []Kind
	// Response is the number of bytes each server answers with, on average;
	// 0 means 4000.
	Response int
	// Gap is the mean time between the beginnings of two connections; 0 means
	// 500 microseconds. Smaller gaps mean more connections at a time.
	Gap time.Duration
	// IPv6 is the percentage of connections over IPv6.
	IPv6 int
	// LostFINs is the percentage of connections whose first FIN is sent twice.
	LostFINs int
	// Servers is the number of servers; 0 means 8.
	Servers int

	Format    Format
	BigEndian bool
	Link      Link
	// SnapLen cuts every record to so many bytes; 0 means none is cut.
	SnapLen int
	// MTU splits IP packets that are longer into fragments; 0 means never,
	// which leaves segments as large as offloading makes them.
	MTU int
	// Twice records each packet a second time, one hop further: another
	// interface in pcapng, other MAC addresses, one less to live.
	Twice bool

	// Each is called with the truth about each connection, in the order in
	// which they end. It may be nil.
	Each func(Truth)
}

// Truth is what is known about one connection.
type Truth struct {
	// Tuple is from the client to the server.
	Tuple segment.Tuple
	// Start is when the SYN was sent.
	Start time.Time
	Kind  Kind
	// Active is who sent the first FIN: "client", "server", "both" or "none".
	Active string
	// TimeWait is who ends in TIME_WAIT, in the same words.
	TimeWait string
	// FINRetransmissions counts the FINs sent again.
	FINRetransmissions int
	// HalfCloseBytes is what the passive closer sent after it had
	// acknowledged the active closer's FIN.
	HalfCloseBytes int
	// Packets is how many packets the connection has, however often each is
	// recorded and into how many fragments it is split.
	Packets int
}

// Summary counts what was written.
type Summary struct {
	Connections int
	// Packets is the number of packets of the connections, Records that of
	// records in the file: more where packets are fragmented or recorded twice.
	Packets, Records int
	// Bytes is the size of the file.
	Bytes int64
}

// withDefaults fills in what zero stands for.
func (c Config) withDefaults() (Config, error) {
	def := func(v *int, n int) {
		if *v == 0 {
			*v = n
		}
	}
	def(&c.Connections, 1000)
	def(&c.Response, 4000)
	def(&c.Servers, 8)
	if c.Gap == 0 {
		c.Gap = 500 * time.Microsecond
	}
	if c.Kinds == nil {
		c.Kinds = Kinds()
	}
	for _, k := range c.Kinds {
		if closers[k] == nil {
			return c, fmt.Errorf("capturetest: no close of kind %q (Kinds lists them)", k)
		}
	}
	if c.MTU != 0 && c.MTU < 128 {
		return c, fmt.Errorf("capturetest: an MTU of %d leaves no room for the headers; at least 128", c.MTU)
	}
	if c.Connections < 0 || c.Servers < 1 || c.Servers > 250 || int(c.Link) >= len(Links()) {
		return c, fmt.Errorf("capturetest: %d connections, %d servers (1 to 250), link %d", c.Connections, c.Servers, c.Link)
	}
	return c, nil
}
