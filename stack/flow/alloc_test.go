package flow

import (
	"testing"

	"lastack/stack/segment"
)

// TestUpdateAllocatesNothing: a connection from its SYN to its end, which every
// packet of a host goes through.
func TestUpdateAllocatesNothing(t *testing.T) {
	script := append(append([]seg{}, handshake...),
		seg{from: Client, flags: psh, seq: 1, ack: 1, n: 100},
		seg{from: Server, flags: psh, seq: 1, ack: 101, n: 100},
		seg{from: Client, flags: fin, seq: 101, ack: 101},
		seg{from: Server, flags: fin, seq: 101, ack: 102},
		seg{from: Client, flags: ack, seq: 102, ack: 102},
	)
	var segments []*segment.Segment
	for _, l := range script {
		segments = append(segments, l.segment())
	}
	var c Conn
	n := testing.AllocsPerRun(100, func() {
		c = Conn{}
		for i, s := range segments {
			c.Update(script[i].from, s)
		}
	})
	if n != 0 {
		t.Errorf("a connection of %d segments allocates %v times", len(segments), n)
	}
	if c.State(Client) != TimeWait || c.State(Server) != Closed {
		t.Errorf("it ended as %s and %s", c.State(Client), c.State(Server))
	}
}
