package teardown_test

import (
	"strings"
	"testing"

	"lastack/harness/teardown"
)

// TestRSTInFrontOfRCVNXT: what crossed the client's FIN on its way is answered with RSTs at
// its ACK, which is in front of what the server has by then. It drops them; the RST that
// ends the connection answers the server's next ACK. An ACK of less than a RST's number,
// on the other hand, is a challenge (RFC 5961 3.2).
func TestRSTInFrontOfRCVNXT(t *testing.T) {
	const crossed = opening + "10 c PSH+ACK len=100\n11 c FIN+ACK\n" +
		"40 s PSH+ACK ack=101 len=50\n40.1 c RST seq=101 ack=0\n40.2 s FIN+ACK ack=101\n40.3 c RST seq=101\n40.4 c RST seq=101\n"
	for name, tt := range map[string]struct {
		script              string
		kind                teardown.Kind
		ignored, challenged int
		late                int
		states              string // of the RST at 40.4, or the first
	}{
		"then the ACK of the FIN and a RST": {crossed + "41 s ACK ack=102\n41.1 c RST seq=102\n", teardown.Reset, 3, 0, 0, "CLOSING FIN_WAIT_1"},
		"the ACK in the server's FIN": {
			opening + "10 c PSH+ACK len=100\n11 c FIN+ACK\n40 s PSH+ACK ack=101 len=50\n40.1 c RST seq=101\n41 s FIN+ACK ack=102\n41.1 c RST seq=102\n",
			teardown.Reset, 1, 0, 0, "FIN_WAIT_1 CLOSE_WAIT",
		},
		"and no more": {crossed, teardown.Reset, 0, 0, 3, "CLOSED CLOSED"},
		"challenged":  {opening + "10 c RST seq=50\n12 s ACK ack=1\n20 c PSH+ACK seq=1 len=5\n", teardown.Open, 0, 1, 0, "ESTABLISHED ESTABLISHED"},
		"at the number that is acknowledged": {
			opening + "10 c RST seq=50\n12 s ACK ack=50\n", teardown.Reset, 0, 0, 1, "CLOSED CLOSED",
		},
	} {
		for _, lean := range []bool{false, true} {
			table := teardown.NewTable(teardown.Config{Lean: lean})
			c := feed(table, script(t, tt.script))
			r := c.Report()
			if r.Close != tt.kind || r.IgnoredResets != tt.ignored || r.ChallengedResets != tt.challenged || r.LateSegments != tt.late {
				t.Errorf("%s (lean %v): %s, %d RSTs ignored, %d challenged, %d segments late: %s",
					name, lean, r.Close, r.IgnoredResets, r.ChallengedResets, r.LateSegments, r.Reason)
			}
			if lean {
				continue
			}
			last := ""
			for _, l := range append(r.Opening, r.Segments...) {
				if strings.Contains(l.Flags, "RST") && l.Seq != 102 {
					last = strings.Join(l.States[:], " ")
				}
			}
			if last != tt.states {
				t.Errorf("%s: the states behind the RST are %s, want %s", name, last, tt.states)
			}
		}
	}
}
