package light

import (
	"testing"
	"time"

	"lastack/stack/segment"
)

const peerISN, hostISN = segment.Seq(0xffff_fff0), segment.Seq(0x7fff_fff0)

func newConn(change func(*segment.Segment, *Config)) *Conn {
	syn := segment.Segment{Version: 4, Flags: segment.SYN, Seq: peerISN, Window: 60000}
	syn.MSS, syn.SACKPermitted, syn.HasTimestamps, syn.TSVal = 1460, true, true, 7
	syn.HasWindowScale, syn.WindowScale = true, 2
	cfg := Config{MSS: 1460, Window: 29184, Full: 500_000, Scale: 7, Overhead: 500, SACK: true}
	if change != nil {
		change(&syn, &cfg)
	}
	c := New(&syn, hostISN, &cfg)
	c.Receive(in(c, segment.ACK, 0), nil, 0) // the handshake is over
	return c
}

// in is the segment that the peer sends next, with n bytes.
func in(c *Conn, flags segment.Flags, n int) *segment.Segment {
	s := &segment.Segment{Version: 4, Flags: flags, Seq: c.rcv, Ack: c.nxt, Window: 15000, PayloadLen: n}
	s.HasTimestamps = c.SYN.HasTimestamps
	return s
}

// TestSYNACK: the answer to a SYN offers what the SYN does, and no more.
func TestSYNACK(t *testing.T) {
	s := newConn(nil).SYNACK()
	if s.Flags != segment.SYN|segment.ACK || s.Seq != hostISN || s.Ack != peerISN+1 || s.Window != 29184 ||
		s.MSS != 1460 || !s.SACKPermitted || !s.HasWindowScale || s.WindowScale != 7 || s.TSEcr != 7 {
		t.Errorf("%s %+v", s.String(), s.Options)
	}
	s = newConn(func(syn *segment.Segment, _ *Config) { syn.Options = segment.Options{} }).SYNACK()
	if s.SACKPermitted || s.HasWindowScale || s.HasTimestamps {
		t.Errorf("without options: %+v", s.Options)
	}
}

// TestMSS: a segment has room for the options that any may have.
func TestMSS(t *testing.T) {
	for _, c := range []struct {
		mss    uint16
		v      uint8
		ts, ok bool
		want   int
	}{
		{1460, 4, true, true, 1420}, {1460, 4, false, true, 1424}, {1460, 4, true, false, 1448}, {1460, 4, false, false, 1460},
		{0, 4, false, false, 536}, {0, 6, false, false, 1220}, {9000, 4, false, false, 1460}, {500, 4, true, false, 488},
	} {
		got := newConn(func(syn *segment.Segment, _ *Config) {
			syn.MSS, syn.Version, syn.HasTimestamps, syn.SACKPermitted = c.mss, c.v, c.ts, c.ok
		}).MSS()
		if got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// TestPlain: what is not plain says that something was lost, or wants what a light connection
// does not have.
func TestPlain(t *testing.T) {
	send := func(c *Conn) { c.Send(make([]byte, 1000), 0) }
	for name, k := range map[string]struct {
		before func(*Conn)
		change func(*Conn, *segment.Segment)
		at     time.Duration
		plain  bool
	}{
		"data":              {plain: true},
		"a FIN":             {change: func(_ *Conn, s *segment.Segment) { s.Flags |= segment.FIN }, plain: true},
		"an acknowledgment": {before: send, change: func(_ *Conn, s *segment.Segment) { s.PayloadLen = 0 }, plain: true},
		"behind a gap":      {change: func(_ *Conn, s *segment.Segment) { s.Seq++ }},
		"old":               {change: func(_ *Conn, s *segment.Segment) { s.Seq-- }},
		"urgent":            {change: func(_ *Conn, s *segment.Segment) { s.Flags |= segment.URG }},
		"no acknowledgment": {change: func(_ *Conn, s *segment.Segment) { s.Flags = segment.PSH }},
		"SACK":              {change: func(_ *Conn, s *segment.Segment) { s.SACKCount, s.SACKBlocks[0].End = 1, s.Ack+1 }},
		"a duplicate SACK": {before: send, change: func(c *Conn, s *segment.Segment) {
			s.PayloadLen, s.Ack, s.SACKCount, s.SACKBlocks[0].End = 0, c.una, 1, c.una
		}, plain: true},
		"a duplicate SACK in front of another": {change: func(c *Conn, s *segment.Segment) {
			s.SACKCount, s.SACKBlocks[0].End, s.SACKBlocks[1].End = 2, c.una, c.nxt
		}},
		"SACK of what was sent": {before: send, change: func(c *Conn, s *segment.Segment) {
			s.Ack, s.SACKCount = c.una, 1
			s.SACKBlocks[0] = segment.SACKBlock{Start: c.una + 500, End: c.nxt}
		}},
		"no timestamps":         {change: func(_ *Conn, s *segment.Segment) { s.HasTimestamps = false }},
		"of what was not sent":  {change: func(_ *Conn, s *segment.Segment) { s.Ack++ }},
		"of old":                {change: func(_ *Conn, s *segment.Segment) { s.Ack-- }},
		"a duplicate":           {before: send, change: func(c *Conn, s *segment.Segment) { s.PayloadLen, s.Ack = 0, c.una }},
		"a window update":       {before: send, change: func(c *Conn, s *segment.Segment) { s.PayloadLen, s.Ack, s.Window = 0, c.una, 14000 }, plain: true},
		"a window of zero":      {change: func(_ *Conn, s *segment.Segment) { s.Window = 0 }},
		"a window that shrinks": {before: send, change: func(c *Conn, s *segment.Segment) { s.Ack, s.Window = c.una, 100 }},
		"more than the window":  {change: func(_ *Conn, s *segment.Segment) { s.PayloadLen = 29185 }},
		"what nobody reads": {before: func(c *Conn) { c.Receive(in(c, segment.ACK, 29000), make([]byte, 29000), 0) },
			change: func(_ *Conn, s *segment.Segment) { s.PayloadLen = 200 }},
		"a second later":    {before: send, at: time.Second + 1},
		"data behind a FIN": {before: func(c *Conn) { c.Receive(in(c, segment.FIN|segment.ACK, 0), nil, 0) }},
	} {
		t.Run(name, func(t *testing.T) {
			c := newConn(nil)
			if k.before != nil {
				k.before(c)
			}
			s := in(c, segment.PSH|segment.ACK, 100)
			if k.change != nil {
				k.change(c, s)
			}
			if got := c.Plain(s, k.at); got != k.plain {
				t.Errorf("plain: %v", got)
			}
		})
	}
}

// TestOffer: the window opens once the application keeps up, and its edge never moves back.
func TestOffer(t *testing.T) {
	c := newConn(nil)
	edge := c.edge
	check := func(what string, moves bool) {
		t.Helper()
		ack, window := c.Offer()
		if moved := edge.Less(c.edge); c.edge.Less(edge) || moved != moves {
			t.Errorf("%s: the edge goes from %d to %d", what, edge, c.edge)
		}
		if ack != c.rcv || (c.edge-ack)>>7 != segment.Seq(window) {
			t.Errorf("%s: ack %d window %d, edge %d", what, ack, window, c.edge)
		}
		edge = c.edge
	}
	c.Receive(in(c, segment.ACK, 100), make([]byte, 100), 0)
	check("little, unread", false)
	c.Read(make([]byte, 1000))
	check("read", true)
	c.Receive(in(c, segment.ACK, 1000), make([]byte, 1000), 0)
	check("much, unread", false) // there was more room already
}

// TestRoom: no more is under way than an initial window and what the peer has room for.
func TestRoom(t *testing.T) {
	c := newConn(nil)
	if !c.Room(InitialWindow*c.MSS()) || c.Room(InitialWindow*c.MSS()+1) {
		t.Error("the initial window")
	}
	for range InitialWindow {
		c.Send([]byte{1}, 0)
	}
	if c.Room(1) {
		t.Error("more segments than the initial window")
	}
	s := in(c, segment.ACK, 0)
	s.Window = 10
	c.Receive(s, nil, 0)
	if !c.Room(40) || c.Room(41) {
		t.Error("the peer's window")
	}
	c.SendFIN()
	if c.Room(0) {
		t.Error("behind the FIN")
	}
}

// TestAcknowledged: what is acknowledged is forgotten, also in the middle of a segment.
func TestAcknowledged(t *testing.T) {
	c := newConn(nil)
	c.Send([]byte("abcdef"), 0)
	c.Send([]byte("gh"), 0)
	s := in(c, segment.ACK, 0)
	s.Ack = c.una + 4
	c.Receive(s, nil, 0)
	if f := c.Flight(); len(f) != 2 || string(f[0].Data) != "ef" || f[0].Seq != s.Ack {
		t.Errorf("%+v", f)
	}
	s.Ack = c.nxt
	c.Receive(s, nil, 0)
	if c.Flight() != nil || c.Una() != c.Next() {
		t.Errorf("%+v", c.Flight())
	}
}

// TestTakes: no connection begins with data, Fast Open or segments that hold next to nothing.
func TestTakes(t *testing.T) {
	for name, change := range map[string]func(*segment.Segment){
		"data":      func(s *segment.Segment) { s.PayloadLen = 1 },
		"Fast Open": func(s *segment.Segment) { s.FastOpen = segment.FastOpenExperiment },
		"MSS of 40": func(s *segment.Segment) { s.MSS = 40 },
	} {
		s := segment.Segment{Version: 4, Flags: segment.SYN}
		if !Takes(&s) {
			t.Error("a plain SYN")
		}
		if change(&s); Takes(&s) {
			t.Error(name)
		}
	}
}
