package flow

import "testing"

// TestBeginsWithProbe: a capture that begins in the middle may show a keep-alive probe
// first, one below SND.NXT, or an old segment once more. What the other side acknowledges
// beyond it was sent before.
func TestBeginsWithProbe(t *testing.T) {
	for name, first := range map[string]seg{
		"a probe":         {from: Client, flags: ack, seq: 500, ack: 1},
		"data once more":  {from: Client, flags: psh, seq: 1, ack: 1, n: 100},
		"an ACK, reorder": {from: Client, flags: ack, seq: 400, ack: 1},
	} {
		c := new(Conn)
		for _, l := range []seg{
			first,
			{from: Server, flags: ack, seq: 1, ack: 501},
			{from: Server, flags: fin, seq: 1, ack: 501},
			{from: Client, flags: fin, seq: 501, ack: 2},
			{from: Server, flags: ack, seq: 2, ack: 502},
		} {
			if st := c.Update(l.from, l.segment()); st.Marks.Any(Challenged | Ignored) {
				t.Errorf("%s first: %s %s is refused", name, l.from, l.flags)
			}
		}
		if c.State(Server) != TimeWait || c.State(Client) != Closed {
			t.Errorf("%s first: states %s / %s, want CLOSED / TIME_WAIT", name, c.State(Client), c.State(Server))
		}
	}
}

// TestFarAckInTheMiddle: what no window reaches, or lies behind a FIN, is no acknowledgment, whatever was seen first.
func TestFarAckInTheMiddle(t *testing.T) {
	c := new(Conn)
	c.Update(Client, seg{from: Client, flags: ack, seq: 500, ack: 1}.segment())
	if st := c.Update(Server, seg{from: Server, flags: ack, seq: 1, ack: 1 << 29}.segment()); !st.Marks.Has(Challenged) {
		t.Errorf("marks %b, want Challenged", st.Marks)
	}
	c = new(Conn)
	c.Update(Client, seg{from: Client, flags: fin, seq: 500, ack: 1}.segment())
	if st := c.Update(Server, seg{from: Server, flags: ack, seq: 1, ack: 1731}.segment()); !st.Marks.Has(Challenged) {
		t.Errorf("beyond a FIN: marks %b, want Challenged", st.Marks)
	}
}
