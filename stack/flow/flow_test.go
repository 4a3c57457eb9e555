package flow

import (
	"testing"

	"lastack/stack/segment"
)

const (
	fin = segment.FIN | segment.ACK
	ack = segment.ACK
	psh = segment.PSH | segment.ACK
	rst = segment.RST
)

// seg is one line of a scripted exchange; numbers are relative to each side's
// initial sequence number, as in Step.
type seg struct {
	from     Side
	flags    segment.Flags
	seq, ack segment.Seq
	n        int
	client   State
	server   State
	marks    Mark
}

// isn makes both sides wrap around zero early, so every script also tests
// sequence arithmetic.
var isn = [2]segment.Seq{0xffff_fffe, 0xffff_fff0}

func (l seg) segment() *segment.Segment {
	s := &segment.Segment{Flags: l.flags, Seq: isn[l.from] + l.seq, PayloadLen: l.n, Window: 1000}
	if l.flags.Has(segment.ACK) {
		s.Ack = isn[l.from.Other()] + l.ack
	}
	return s
}

var handshake = []seg{
	{Client, segment.SYN, 0, 0, 0, SynSent, Listen, Opening},
	{Server, segment.SYN | ack, 0, 1, 0, Established, SynReceived, Opening | Advances},
	{Client, ack, 1, 1, 0, Established, Established, Advances},
}

func run(t *testing.T, c *Conn, script []seg) {
	t.Helper()
	for i, l := range script {
		st := c.Update(l.from, l.segment())
		if st.After[Client] != l.client || st.After[Server] != l.server {
			t.Errorf("line %d (%s %s): states %s / %s, want %s / %s", i, l.from, l.flags,
				st.After[Client], st.After[Server], l.client, l.server)
		}
		if st.Marks != l.marks {
			t.Errorf("line %d (%s %s): marks %b, want %b", i, l.from, l.flags, st.Marks, l.marks)
		}
		if st.SeqOff != l.seq || (l.flags.Has(ack) && st.AckOff != l.ack) {
			t.Errorf("line %d: offsets %d/%d, want %d/%d", i, st.SeqOff, st.AckOff, l.seq, l.ack)
		}
	}
}

func TestCloses(t *testing.T) {
	for name, script := range map[string][]seg{
		"three-way": {
			{Client, fin, 1, 1, 0, FinWait1, CloseWait, FirstFIN},
			{Server, fin, 1, 2, 0, TimeWait, LastAck, FirstFIN | AcksFIN | Advances},
			{Client, ack, 2, 2, 0, TimeWait, Closed, AcksFIN | Advances},
		},
		"four-way": {
			{Server, fin, 1, 1, 0, CloseWait, FinWait1, FirstFIN},
			{Client, ack, 1, 2, 0, CloseWait, FinWait2, AcksFIN | Advances},
			{Client, fin, 1, 2, 0, LastAck, TimeWait, FirstFIN},
			{Server, ack, 2, 2, 0, Closed, TimeWait, AcksFIN | Advances},
		},
		"half-close with data, which carries the ACK": {
			{Client, psh, 1, 1, 10, Established, Established, NewData},
			{Client, fin, 11, 1, 0, FinWait1, CloseWait, FirstFIN},
			{Server, psh, 1, 12, 5, FinWait2, CloseWait, AcksFIN | Advances | NewData},
			{Client, ack, 12, 6, 0, FinWait2, CloseWait, Advances},
			{Server, fin, 6, 12, 0, TimeWait, LastAck, FirstFIN},
			{Client, ack, 12, 7, 0, TimeWait, Closed, AcksFIN | Advances},
		},
		"FIN with data": {
			{Client, fin | segment.PSH, 1, 1, 7, FinWait1, CloseWait, FirstFIN | NewData},
			{Server, fin, 1, 9, 0, TimeWait, LastAck, FirstFIN | AcksFIN | Advances},
			{Client, ack, 9, 2, 0, TimeWait, Closed, AcksFIN | Advances},
		},
		"simultaneous": {
			{Client, fin, 1, 1, 0, FinWait1, CloseWait, FirstFIN},
			{Server, fin, 1, 1, 0, Closing, FinWait1, FirstFIN | CrossedFIN},
			{Client, ack, 2, 2, 0, Closing, TimeWait, AcksFIN | Advances},
			{Server, ack, 2, 2, 0, TimeWait, TimeWait, AcksFIN | Advances},
		},
		"last ACK lost": {
			{Client, fin, 1, 1, 0, FinWait1, CloseWait, FirstFIN},
			{Server, fin, 1, 2, 0, TimeWait, LastAck, FirstFIN | AcksFIN | Advances},
			{Server, fin, 1, 2, 0, TimeWait, LastAck, FINAgain | Again},
			{Client, ack, 2, 2, 0, TimeWait, Closed, AcksFIN | Advances},
			{Server, rst, 2, 0, 0, TimeWait, Closed, Stray},
		},
		"the FINs in the wrong order": {
			{Server, fin, 1, 2, 0, CloseWait, FinWait1, FirstFIN | Advances},
			{Client, fin, 1, 1, 0, TimeWait, LastAck, FirstFIN},
			{Client, ack, 2, 2, 0, TimeWait, Closed, AcksFIN | Advances},
		},
		"FIN overtakes its data": {
			{Client, fin, 11, 1, 0, FinWait1, Established, FirstFIN | Hole},
			{Server, ack, 1, 1, 0, FinWait1, Established, DuplicateACK},
			{Client, psh, 1, 1, 10, FinWait1, Established, Again},
			{Server, ack, 1, 12, 0, FinWait2, CloseWait, AcksFIN | Advances},
		},
		"data after the other side's FIN, then RST": {
			{Client, fin, 1, 1, 0, FinWait1, CloseWait, FirstFIN},
			{Server, psh, 1, 2, 3, FinWait2, CloseWait, NewData | AcksFIN | Advances},
			{Client, rst, 2, 0, 0, Closed, Closed, Reset},
		},
		"abort": {
			{Server, rst | ack, 1, 1, 0, Closed, Closed, Reset},
			{Client, rst, 1, 0, 0, Closed, Closed, Stray},
		},
		"RST outside the window": {
			{Server, rst | ack, 5000, 1, 0, Established, Established, Ignored},
		},
		"keep-alive and window update": {
			{Client, ack, 0, 1, 0, Established, Established, KeepAlive},
			{Server, ack, 1, 1, 0, Established, Established, DuplicateACK},
			{Server, psh, 1, 1, 1, Established, Established, NewData},
			{Server, psh, 1, 1, 1, Established, Established, Again},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var c Conn
			run(t, &c, handshake)
			if name == "keep-alive and window update" {
				// The server has not acknowledged since the SYN-ACK.
				run(t, &c, []seg{{Server, ack, 1, 1, 0, Established, Established, DuplicateACK}})
			}
			run(t, &c, script)
		})
	}
}

func TestRefusal(t *testing.T) {
	var c Conn
	run(t, &c, []seg{
		handshake[0],
		{Server, rst | ack, 0, 1, 0, Closed, Closed, Reset | Refusal},
	})
	if !c.WasReset() {
		t.Error("WasReset: false")
	}
}

func TestMidstream(t *testing.T) {
	var c Conn
	run(t, &c, []seg{
		{Client, psh, 1, 1, 10, Established, Established, NewData},
		{Server, fin, 1, 11, 0, CloseWait, FinWait1, FirstFIN | Advances},
		{Client, fin, 11, 2, 0, LastAck, TimeWait, FirstFIN | AcksFIN | Advances},
		{Server, ack, 2, 12, 0, Closed, TimeWait, AcksFIN | Advances},
	})
}

func TestReopens(t *testing.T) {
	var c Conn
	run(t, &c, handshake)
	syn := func(s segment.Seq) *segment.Segment { return &segment.Segment{Flags: segment.SYN, Seq: s} }
	if c.Reopens(Client, syn(isn[Client])) {
		t.Error("a retransmitted SYN reopens")
	}
	var swapped Conn
	swapped.Update(Server, handshake[1].segment())
	if swapped.Reopens(Client, syn(isn[Client])) {
		t.Error("a SYN seen after its own SYN-ACK reopens")
	}
	if !c.Reopens(Client, syn(isn[Client]+99999)) {
		t.Error("a SYN with another ISN does not reopen")
	}
	if !c.Reopens(Server, syn(7)) {
		t.Error("a SYN from the old server does not reopen")
	}
	if c.Reopens(Client, &segment.Segment{Flags: segment.SYN | segment.ACK, Seq: 7}) {
		t.Error("a SYN-ACK reopens")
	}
}

func TestFullSegment(t *testing.T) {
	var c Conn
	syn := &segment.Segment{Flags: segment.SYN, Seq: isn[Client]}
	syn.MSS, syn.HasTimestamps = 1460, true
	c.Update(Client, syn)
	synAck := &segment.Segment{Flags: segment.SYN | ack, Seq: isn[Server], Ack: isn[Client] + 1}
	synAck.MSS, synAck.HasTimestamps = 1400, true
	c.Update(Server, synAck)
	if got := c.FullSegment(Client); got != 536 {
		t.Errorf("before data: %d, want 536", got)
	}
	c.Update(Client, seg{from: Client, flags: psh, seq: 1, ack: 1, n: 3000}.segment())
	if got := c.FullSegment(Client); got != 1388 {
		t.Errorf("after a large segment: %d, want the server's MSS less timestamps, 1388", got)
	}
}
