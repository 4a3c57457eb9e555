package capturetest

import (
	"math/rand/v2"
	"time"

	"lastack/stack/segment"
)

// The two ends of a connection.
const (
	client = iota
	server
)

var sideNames = [...]string{client: "client", server: "server"}

const maxSegment = 1448 // bytes of data in a segment, with timestamps

// side is one end while its connection is written down.
type side struct {
	endpoint segment.Endpoint
	next     segment.Seq // of the segment to send
	ack      segment.Seq // of what it has seen
	clock    uint32      // its timestamp clock at the connection's start
	id       uint16      // of its next IPv4 packet
}

// event is one packet of a connection.
type event struct {
	at      time.Duration // since the connection's start
	seg     segment.Segment
	payload int
	id      uint16
}

// script is a connection written down from its SYN to its end.
type script struct {
	rand   *rand.Rand
	start  time.Time
	now    time.Duration
	rtt    time.Duration
	v6     bool
	sides  [2]side
	events []event
	truth  Truth
	lost   bool // the first FIN is sent twice
}

// send writes down a segment of n bytes that acknowledges all the other side
// has sent.
func (s *script) send(from int, f segment.Flags, n int) {
	s.sides[from].ack = s.sides[1-from].next
	s.sendBlind(from, f, n)
}

// sendBlind does the same for a segment that was on its way before the last of
// the other side's arrived.
func (s *script) sendBlind(from int, f segment.Flags, n int) {
	a, b := &s.sides[from], &s.sides[1-from]
	e := event{at: s.now, payload: n}
	e.seg = segment.Segment{Tuple: segment.Tuple{Src: a.endpoint, Dst: b.endpoint}, Version: 4, Flags: f, Seq: a.next, Window: 502}
	if s.v6 {
		e.seg.Version = 6
	}
	if f.Has(segment.ACK) {
		e.seg.Ack = a.ack
	}
	if f.Has(segment.SYN) {
		e.seg.MSS, e.seg.SACKPermitted, e.seg.HasWindowScale, e.seg.WindowScale = maxSegment+12, true, true, 7
		e.seg.Window = 64240
	}
	if !f.Has(segment.RST) {
		e.seg.HasTimestamps = true
	}
	a.next += segment.Seq(n)
	if f.Any(segment.SYN | segment.FIN) {
		a.next++
	}
	s.emit(from, e)
}

// emit gives an event what no two packets have in common.
func (s *script) emit(from int, e event) {
	a, b := &s.sides[from], &s.sides[1-from]
	ms := uint32(s.now / time.Millisecond)
	if e.seg.HasTimestamps {
		e.seg.TSVal = a.clock + ms
		if e.seg.Flags.Has(segment.ACK) {
			e.seg.TSEcr = b.clock + ms
		}
	}
	a.id++
	e.at, e.id = s.now, a.id
	s.events = append(s.events, e)
}

// again sends the last segment once more.
func (s *script) again(from int, after time.Duration) {
	s.now += after
	s.emit(from, s.events[len(s.events)-1])
}

// hop lets half a round-trip pass, pause up to d.
func (s *script) hop()                  { s.now += s.rtt / 2 }
func (s *script) pause(d time.Duration) { s.now += time.Duration(s.rand.Int64N(int64(d))) }

func (s *script) handshake() {
	s.send(client, segment.SYN, 0)
	s.hop()
	s.send(server, segment.SYN|segment.ACK, 0)
	s.hop()
	s.send(client, segment.ACK, 0)
}

// exchange is a request and its response.
func (s *script) exchange(response int) {
	s.pause(time.Millisecond)
	s.send(client, segment.PSH|segment.ACK, 100+s.rand.IntN(300))
	s.hop()
	s.send(server, segment.ACK, 0)
	s.pause(5 * time.Millisecond)
	s.data(server, s.rand.IntN(2*response+1))
}

// data sends n bytes; every second segment and the last are acknowledged.
func (s *script) data(from, n int) {
	for i := 1; n > 0; i++ {
		size := min(n, maxSegment)
		n -= size
		f := segment.ACK
		if n == 0 {
			f |= segment.PSH
		}
		s.now += 12 * time.Microsecond
		s.send(from, f, size)
		if i%2 == 0 || n == 0 {
			s.hop()
			s.send(1-from, segment.ACK, 0)
		}
	}
}

// closers write down the close of each kind, by the side that begins it.
var closers = map[Kind]func(s *script, active int){
	ThreeWay: func(s *script, active int) {
		s.firstFIN(active)
		s.hop()
		s.send(1-active, segment.FIN|segment.ACK, 0)
		s.lastACK(active)
	},
	FourWay: func(s *script, active int) {
		s.firstFIN(active)
		s.hop()
		s.pause(40 * time.Millisecond)
		s.send(1-active, segment.ACK, 0)
		s.pause(20 * time.Millisecond)
		if s.rand.IntN(4) == 0 {
			n := 1 + s.rand.IntN(5000)
			s.data(1-active, n)
			s.truth.HalfCloseBytes = n
		}
		s.send(1-active, segment.FIN|segment.ACK, 0)
		s.lastACK(active)
	},
	Simultaneous: func(s *script, active int) {
		s.send(active, segment.FIN|segment.ACK, 0)
		s.now += s.rtt / 4
		s.sendBlind(1-active, segment.FIN|segment.ACK, 0)
		s.now += s.rtt / 4
		s.send(1-active, segment.ACK, 0)
		s.now += s.rtt / 4
		s.send(active, segment.ACK, 0)
		s.truth.Active, s.truth.TimeWait = "both", "both"
	},
	HalfClosed: func(s *script, active int) {
		s.firstFIN(active)
		s.hop()
		s.pause(40 * time.Millisecond)
		s.send(1-active, segment.ACK, 0)
	},
	Reset: func(s *script, active int) {
		s.send(active, segment.RST|segment.ACK, 0)
	},
	Open: func(*script, int) {},
	Unanswered: func(s *script, active int) {
		s.firstFIN(active)
		for i := range 3 {
			s.again(active, 200*time.Millisecond<<i)
			s.truth.FINRetransmissions++
		}
	},
	Refused: func(*script, int) {}, // there is nothing to close
}

func (s *script) firstFIN(active int) {
	s.send(active, segment.FIN|segment.ACK, 0)
	s.truth.Active = sideNames[active]
	if s.lost {
		s.again(active, 200*time.Millisecond+s.rtt)
		s.truth.FINRetransmissions++
	}
}

func (s *script) lastACK(active int) {
	s.hop()
	s.send(active, segment.ACK, 0)
	s.truth.TimeWait = sideNames[active]
}

// write fills the script with a whole connection.
func (s *script) write(kind Kind, response int) {
	s.truth.Kind, s.truth.Active, s.truth.TimeWait = kind, "none", "none"
	if kind == Refused {
		s.send(client, segment.SYN, 0)
		s.hop()
		s.send(server, segment.RST|segment.ACK, 0)
	} else {
		s.handshake()
		s.exchange(response)
		s.pause(10 * time.Millisecond)
		closers[kind](s, s.rand.IntN(2))
	}
	s.truth.Packets = len(s.events)
}
