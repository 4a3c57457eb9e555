package flow

import (
	"testing"

	"lastack/stack/segment"
)

// established is a connection behind its handshake, with timestamps and both windows
// scaled by 2, seen from the given vantage. The client has sent 100 bytes, of which the
// server has acknowledged 50.
func established(t *testing.T, host func(*Conn)) *Conn {
	t.Helper()
	c := new(Conn)
	if host != nil {
		host(c)
	}
	for _, l := range append(append([]seg{}, handshake...),
		seg{from: Client, flags: psh, seq: 1, ack: 1, n: 100},
		seg{from: Server, flags: ack, seq: 1, ack: 51},
	) {
		s := l.segment()
		s.HasTimestamps, s.TSVal = true, 1000
		if l.flags.Has(segment.SYN) {
			s.HasWindowScale, s.WindowScale, s.Window = true, 2, 4000
		}
		c.Update(l.from, s)
	}
	return c
}

// atHost has the server's host acknowledge what it has told nobody on the wire.
func atHost(c *Conn) { c.At(Server) }

// TestJudge: the server's end; its RCV.NXT is 101, its window reaches to 51 + 4000.
func TestJudge(t *testing.T) {
	for name, tt := range map[string]struct {
		flags    segment.Flags
		seq, ack segment.Seq
		n        int
		ts       uint32
		host     Mark // at the server
		path     Mark // somewhere between
	}{
		"data in order":               {psh, 101, 1, 10, 1000, 0, 0},
		"data again":                  {psh, 1, 1, 100, 1000, 0, 0},
		"data in the window":          {psh, 4051, 1, 10, 1000, 0, 0},
		"data beyond the window":      {psh, 4052, 1, 10, 1000, Challenged, 0},
		"data far ahead":              {psh, 1 << 30, 1, 1, 1000, Challenged, Challenged},
		"FIN far ahead":               {fin, 1 << 30, 1, 0, 1000, Challenged, Challenged},
		"bare ACK at the edge":        {ack, 4055, 1, 0, 1000, 0, 0},
		"bare ACK beyond":             {ack, 4056, 1, 0, 1000, Challenged, 0},
		"RST at RCV.NXT":              {rst, 101, 0, 0, 0, 0, 0},
		"RST at the last ACK":         {rst, 51, 0, 0, 0, 0, 0},
		"RST between":                 {rst, 60, 0, 0, 0, Challenged, 0},
		"RST in the window":           {rst, 1101, 0, 0, 0, Challenged, 0},
		"RST outside":                 {rst, 4052, 0, 0, 0, Ignored, Ignored},
		"RST before":                  {rst, 50, 0, 0, 0, Ignored, Ignored},
		"another SYN":                 {segment.SYN, 1 << 29, 0, 0, 1000, Challenged, Challenged},
		"the SYN again":               {segment.SYN, 0, 0, 0, 1000, Challenged, 0},
		"ACK of what was never sent":  {ack, 101, 1 << 20, 0, 1000, Challenged, Challenged},
		"ACK from another age":        {ack, 101, -(1 << 17) & 0xffff_ffff, 0, 1000, Challenged | Outdated, 0},
		"no ACK":                      {segment.FIN, 101, 0, 0, 1000, Ignored, 0},
		"an old timestamp":            {psh, 101, 1, 10, 999, Challenged | Outdated, Challenged | Outdated},
		"a bare ACK, late":            {ack, 101, 1, 0, 999, 0, 0},
		"a RST with an old timestamp": {rst, 101, 0, 0, 5, 0, 0},
	} {
		for where, host := range map[string]func(*Conn){"host": atHost, "path": nil} {
			c := established(t, host)
			s := seg{from: Client, flags: tt.flags, seq: tt.seq, ack: tt.ack, n: tt.n}.segment()
			s.HasTimestamps, s.TSVal = true, tt.ts
			before := *c
			st := c.Update(Client, s)
			want := tt.path
			if host != nil {
				want = tt.host
			}
			if got := st.Marks & (Challenged | Ignored | Outdated); got != want {
				t.Errorf("%s, from the %s: marks %b, want %b", name, where, got, want)
			}
			if want != 0 && *c != before {
				t.Errorf("%s, from the %s: something was learnt: %+v, before %+v", name, where, *c, before)
			}
		}
	}
}

// TestHostsOwnSegments are no forgeries, whatever their numbers.
func TestHostsOwnSegments(t *testing.T) {
	c := established(t, atHost)
	st := c.Update(Server, seg{from: Server, flags: psh, seq: 1 << 20, ack: 101, n: 1}.segment())
	if st.Marks.Any(Challenged | Ignored) {
		t.Errorf("marks %b", st.Marks)
	}
}

// TestRSTBehindTheSYNACK: the client knows RCV.NXT, though it has not said so yet. A RST of an
// older connection on the same ports is none of this one's.
func TestRSTBehindTheSYNACK(t *testing.T) {
	for seq, want := range map[segment.Seq]Mark{1: Reset, 2: Ignored, 1 << 30: Ignored} {
		c := new(Conn)
		c.At(Client)
		for _, l := range handshake[:2] {
			c.Update(l.from, l.segment())
		}
		l := seg{from: Server, flags: rst, seq: seq}
		st := c.Update(Server, l.segment())
		if !st.Marks.Has(want) || (c.State(Client) == Established) != (want == Ignored) {
			t.Errorf("RST %d: marks %x, client %v", seq, st.Marks, c.State(Client))
		}
	}
}

// TestHandshakeRST: a RST by which the host answers a segment of no connection does not end
// the handshake that goes on beside it.
func TestHandshakeRST(t *testing.T) {
	var c Conn
	c.At(Server)
	run(t, &c, handshake[:2])
	c.Update(Client, seg{from: Client, flags: ack, seq: 1, ack: 77}.segment())
	if st := c.Update(Server, seg{from: Server, flags: rst, seq: 77}.segment()); !st.Marks.Has(Ignored) || c.WasReset() {
		t.Errorf("marks %b", st.Marks)
	}
	established := c
	run(t, &established, handshake[2:])
	if st := established.Update(Server, seg{from: Server, flags: rst, seq: 77}.segment()); !st.Marks.Has(Ignored) {
		t.Errorf("such a RST behind the handshake: marks %b", st.Marks)
	}
	if st := c.Update(Server, seg{from: Server, flags: rst | ack, seq: 0, ack: 1}.segment()); !st.Marks.Has(Reset) {
		t.Errorf("the host's own RST: marks %b", st.Marks)
	}
}

// TestRevived: what follows a RST proves that it did not count.
func TestRevived(t *testing.T) {
	for name, tt := range map[string]struct {
		rst   segment.Seq
		after []seg
		alive bool
	}{
		"its receiver answers a RST in the window": {1000, []seg{{from: Server, flags: ack, seq: 1, ack: 101}}, true},
		"silence after a RST in the window":        {1000, nil, false},
		"what was on its way behind a good RST":    {101, []seg{{from: Server, flags: psh, seq: 1, ack: 101, n: 10}}, false},
		"its sender goes on, and is acknowledged": {101, []seg{
			{from: Client, flags: psh, seq: 101, ack: 1, n: 10}, {from: Server, flags: ack, seq: 1, ack: 111},
		}, true},
		"its sender acknowledges something new": {101, []seg{
			{from: Server, flags: psh, seq: 1, ack: 101, n: 10}, {from: Client, flags: ack, seq: 101, ack: 11},
		}, true},
		"its sender sends another RST": {101, []seg{
			{from: Server, flags: psh, seq: 1, ack: 101, n: 10}, {from: Client, flags: rst, seq: 101},
		}, false},
	} {
		c := established(t, nil)
		if st := c.Update(Client, seg{from: Client, flags: rst, seq: tt.rst}.segment()); !st.Marks.Has(Reset) {
			t.Errorf("%s: marks %b", name, st.Marks)
		}
		for _, l := range tt.after {
			c.Update(l.from, l.segment())
		}
		if c.WasReset() == tt.alive {
			t.Errorf("%s: reset %v", name, c.WasReset())
		}
		if tt.alive && (c.State(Client) != Established || c.State(Server) != Established) {
			t.Errorf("%s: %s and %s", name, c.State(Client), c.State(Server))
		}
	}
}

// TestFalseFIN: a FIN behind a gap that data or another FIN refute.
func TestFalseFIN(t *testing.T) {
	for name, after := range map[string][]seg{
		"data where it stood": {
			{Client, psh, 101, 1, 500, Established, Established, NewData},
			{Server, ack, 1, 601, 0, Established, Established, Advances},
			{Client, fin, 601, 1, 0, FinWait1, CloseWait, FirstFIN},
		},
		"a FIN in front of it": {
			{Client, fin, 101, 1, 0, FinWait1, CloseWait, FINAgain | Again},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := established(t, atHost)
			run(t, c, []seg{{Client, fin, 300, 1, 0, FinWait1, Established, FirstFIN | Hole}})
			for i := range after {
				after[i].marks |= 0
			}
			for _, l := range after {
				st := c.Update(l.from, l.segment())
				if st.After[Client] != l.client || st.After[Server] != l.server {
					t.Errorf("%s %s: %s / %s, want %s / %s", l.from, l.flags, st.After[Client], st.After[Server], l.client, l.server)
				}
			}
			end := after[len(after)-1]
			c.Update(Server, seg{from: Server, flags: ack, seq: 1, ack: end.seq + 1}.segment())
			if !c.FINAcked(Client) || c.RcvNxt(Server) != isn[Client]+end.seq+1 {
				t.Errorf("acknowledged %v, RCV.NXT %d", c.FINAcked(Client), c.RcvNxt(Server)-isn[Client])
			}
		})
	}
}

// TestFINAtAHost: netstack takes no FIN behind a gap by itself, so that one where its data
// go on was false, and one that it takes is told.
func TestFINAtAHost(t *testing.T) {
	for name, tt := range map[string]struct {
		then func(c *Conn)
		want State
		rcv  segment.Seq
	}{
		"data went on":              {func(c *Conn) { c.Acknowledged(Server, isn[Client]+301) }, Established, 301},
		"all before it is received": {func(c *Conn) { c.Acknowledged(Server, isn[Client]+201) }, Established, 201},
		"its turn has come": {func(c *Conn) {
			c.Acknowledged(Server, isn[Client]+201)
			c.TakeFIN(Server, isn[Client]+201)
		}, CloseWait, 202},
		"it comes again in its turn": {func(c *Conn) {
			c.Update(Client, seg{from: Client, flags: psh, seq: 101, ack: 1, n: 100}.segment())
			c.Update(Client, seg{from: Client, flags: fin, seq: 201, ack: 1}.segment())
		}, CloseWait, 202},
	} {
		t.Run(name, func(t *testing.T) {
			c := established(t, atHost)
			c.Acknowledged(Server, isn[Client]+101)
			c.Update(Client, seg{from: Client, flags: psh, seq: 201, ack: 1, n: 100}.segment())
			c.Update(Client, seg{from: Client, flags: fin, seq: 201, ack: 1}.segment())
			tt.then(c)
			if c.State(Server) != tt.want || c.RcvNxt(Server) != isn[Client]+tt.rcv {
				t.Errorf("%s with RCV.NXT %d, want %s with %d", c.State(Server), c.RcvNxt(Server)-isn[Client], tt.want, tt.rcv)
			}
		})
	}
}

// TestCrossedFINAtAHost: the peer's FIN waited in the host's queue when the host sent its own
// FIN. The host takes it with its next acknowledgment, and neither data nor another FIN behind
// it take its place.
func TestCrossedFINAtAHost(t *testing.T) {
	for name, tt := range map[string]struct {
		first seg // between the FINs and the host's ACK
		want  State
	}{
		"the host's ACK first":  {seg{}, Closing},
		"the peer's ACK first":  {seg{from: Client, flags: ack, seq: 102, ack: 2}, TimeWait},
		"data behind the FIN":   {seg{from: Client, flags: psh, seq: 101, ack: 1, n: 50}, Closing},
		"another FIN behind it": {seg{from: Client, flags: fin, seq: 102, ack: 1}, Closing},
	} {
		t.Run(name, func(t *testing.T) {
			c := established(t, atHost)
			c.Acknowledged(Server, isn[Client]+101)
			c.Update(Client, seg{from: Client, flags: fin, seq: 101, ack: 1}.segment())
			st := c.Update(Server, seg{from: Server, flags: fin, seq: 1, ack: 101}.segment())
			if !st.Marks.Has(CrossedFIN) || st.After[Server] != FinWait1 {
				t.Fatalf("the host's FIN: %v, %s; want CrossedFIN, FIN_WAIT_1", st.Marks, st.After[Server])
			}
			if tt.first.flags != 0 {
				c.Update(Client, tt.first.segment())
			}
			c.Acknowledged(Server, isn[Client]+102)
			st = c.Update(Server, seg{from: Server, flags: ack, seq: 2, ack: 102}.segment())
			if !st.Marks.Has(AcksFIN) || st.After[Server] != tt.want || c.RcvNxt(Server) != isn[Client]+102 {
				t.Errorf("the host's ACK: %v, %s with RCV.NXT %d; want AcksFIN, %s with 102", st.Marks, st.After[Server], c.RcvNxt(Server)-isn[Client], tt.want)
			}
		})
	}
}

// TestOtherSYNACK: a host that has sent nothing but its SYN takes no acknowledgment of
// another one.
func TestOtherSYNACK(t *testing.T) {
	for name, tt := range map[string]struct {
		up   bool
		seq  segment.Seq
		ack  segment.Seq
		want Mark
	}{
		"the right one":                     {false, 1, 1, 0},
		"an older one":                      {false, 1, 0xffff_0000, Ignored},
		"an older one, outside the window":  {false, 1 << 30, 0xffff_0000, Ignored},
		"a later one, outside the window":   {false, 0xf000_0000, 7000, Ignored},
		"the right one, outside the window": {false, 1 << 30, 1, Challenged},
		"an older one in ESTABLISHED":       {true, 1, 0, Challenged | Outdated},
	} {
		t.Run(name, func(t *testing.T) {
			var c Conn
			c.At(Server)
			c.Update(Client, handshake[0].segment())
			c.Update(Server, handshake[1].segment())
			if tt.up {
				c.Update(Client, handshake[2].segment())
			}
			s := seg{from: Client, flags: fin, seq: tt.seq, ack: tt.ack}.segment()
			if got := c.Refusal(Client, s); got != tt.want {
				t.Errorf("marks %b, want %b", got, tt.want)
			}
		})
	}
}
