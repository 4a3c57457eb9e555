package teardown_test

import (
	"fmt"
	"strings"
	"testing"

	"lastack/harness/teardown"
)

const opening = "0 c SYN\n1 s SYN+ACK\n2 c ACK\n"

// TestElision: memory is bounded, nothing is miscounted, and the verdict is the
// same as without.
func TestElision(t *testing.T) {
	var b strings.Builder
	b.WriteString(opening)
	for i := range 5000 {
		fmt.Fprintf(&b, "%d s PSH+ACK len=1000\n%d.5 c ACK\n", 10+i, 10+i)
	}
	b.WriteString("6000 c FIN+ACK\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "%d s PSH+ACK len=100\n%d.5 c ACK\n", 6001+i, 6001+i)
	}
	b.WriteString("9500 s FIN+ACK\n9501 c ACK\n")
	recs := script(t, b.String())

	for _, keep := range []int{0, 1, 7, 100} {
		c, all := teardown.Conn{Keep: keep}, teardown.Conn{Keep: -1}
		for _, r := range recs {
			c.Add(r)
			all.Add(r)
		}
		got, want := c.Report(), all.Report()
		if n := len(got.Opening) + len(got.Segments); n > 2*max(keep, 16)+20 {
			t.Errorf("keep %d: %d lines are kept", keep, n)
		}
		segments, bytes := total(got)
		if segments != len(recs) || bytes != 5000*1000+3000*100 {
			t.Errorf("keep %d: lines tell of %d segments, %d bytes", keep, segments, bytes)
		}
		if n := len(want.Opening) + len(want.Segments); n != len(recs) {
			t.Errorf("keep -1: %d lines of %d", n, len(recs))
		}
		got.Opening, got.Segments, want.Opening, want.Segments = nil, nil, nil, nil
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("keep %d: %+v\nwant %+v", keep, got, want)
		}
		if got.Close != teardown.FourWay || got.HalfCloseBytes != 300000 || got.ServerBytes != 5300000 {
			t.Errorf("keep %d: %+v", keep, got)
		}
	}
}

func total(r teardown.Report) (segments, bytes int) {
	for _, l := range append(r.Opening, r.Segments...) {
		if l.Elided == nil {
			segments++
			bytes += l.Len
			continue
		}
		segments += int(l.Elided.ClientSegments + l.Elided.ServerSegments)
		bytes += int(l.Elided.ClientBytes + l.Elided.ServerBytes)
	}
	return segments, bytes
}

// TestStorm: key segments without end are bounded too.
func TestStorm(t *testing.T) {
	var b strings.Builder
	b.WriteString(opening + "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n")
	for i := range 10000 {
		fmt.Fprintf(&b, "%d s FIN+ACK seq=1\n%d.1 c ACK\n", 10+i, 10+i)
	}
	recs := script(t, b.String())
	r := report(recs)
	if n := len(r.Opening) + len(r.Segments); n > 200 {
		t.Errorf("%d lines are kept", n)
	}
	if n, _ := total(r); n != len(recs) {
		t.Errorf("lines tell of %d segments, want %d", n, len(recs))
	}
	if r.Close != teardown.ThreeWay || r.FINRetransmissions != 10000 || !r.ACKLost || r.LateSegments != 20000 {
		t.Errorf("%+v", r)
	}
}

// TestReportAtAnyTime: the verdict of every prefix of one close.
func TestReportAtAnyTime(t *testing.T) {
	recs := script(t, opening+"3 c FIN+ACK\n4 s ACK\n5 s FIN+ACK\n6 c ACK\n")
	want := []string{"open LISTEN", "open SYN_RECEIVED", "open ESTABLISHED", "unanswered CLOSE_WAIT",
		"half-closed CLOSE_WAIT", "four-way LAST_ACK", "four-way CLOSED"}
	var c teardown.Conn
	if r := c.Report(); r.Close != teardown.Open || r.AckDelayUS != -1 {
		t.Errorf("empty: %+v", r)
	}
	for i, rec := range recs {
		c.Add(rec)
		r := c.Report()
		if got := string(r.Close) + " " + r.States[1]; got != want[i] {
			t.Errorf("after %d segments: %s, want %s", i+1, got, want[i])
		}
		if done := i == len(recs)-1; c.Done() != done {
			t.Errorf("after %d segments: Done %v", i+1, !done)
		}
	}
}

// TestReasons: what the timing, the holds and the flags of a close must be
// called, one clause each.
func TestReasons(t *testing.T) {
	for _, tt := range []struct{ name, script, clause string }{
		{"held unknown to a pure ACK", opening + "3 c FIN+ACK\n11 s ACK\n20 s FIN+ACK\n21 c ACK\n", "after 8 ms, before it closed"},
		{"round trip taken off", "0 c SYN\n100 s SYN+ACK\n100.1 c ACK\n200 c FIN+ACK\n300.1 s ACK\n350 s FIN+ACK\n350.1 c ACK\n", "at once (100 ms; the round trip is 100 ms)"},
		{"delayed behind a round trip", "0 c SYN\n100 s SYN+ACK\n100.1 c ACK\n200 c FIN+ACK\n342 s ACK\n350 s FIN+ACK\n450 c ACK\n", "after 142 ms (the round trip is 100 ms), as when a delayed ACK runs out"},
		{"too long for a delayed ACK", opening + "3 c FIN+ACK\n2003 s ACK\n2020 s FIN+ACK\n2021 c ACK\n", "after 2 s, before it closed"},
		{"unread data", opening + "3 c PSH+ACK len=9\n4 s RST+ACK\n", "unread data, or with SO_LINGER 0, or was killed; the wire does not tell"},
		{"nothing to read", opening + "4 s RST+ACK\n", "SO_LINGER 0 or a timeout"},
		{"data read after shutdown, then abort", opening + "3 c FIN+ACK\n4 s PSH+ACK len=5\n5 c ACK\n6 c RST+ACK\n", "did not wait for the server's FIN"},
		{"keep-alive meets nobody", opening + "3 c FIN+ACK\n4 s ACK\n90000 s ACK seq=0\n90001 c RST\n", "FIN_WAIT_2 or TIME_WAIT had expired"},
		{"RST against FIN after FIN_WAIT_2", opening + "3 c FIN+ACK\n4 s ACK\n5 s FIN+ACK\n6 c RST\n", "no state left so soon after"},
		{"handshake unfinished", "0 c SYN\n1 s SYN+ACK\n", "handshake was not over"},
		{"data, and no ACK of the FIN", opening + "3 c FIN+ACK\n4 s PSH+ACK len=9 ack=1\n", "what the server sent after that does not acknowledge the FIN"},
		{"last ACK lost", opening + "3 c FIN+ACK\n4 s FIN+ACK\n5 c ACK\n208 s FIN+ACK seq=1\n208.1 c ACK\n", "the server sent its FIN twice, as its ACK was lost or late"},
	} {
		if r := report(script(t, tt.script)); !strings.Contains(r.Reason, tt.clause) {
			t.Errorf("%s: %q does not say %q", tt.name, r.Reason, tt.clause)
		}
	}
}

// TestFarAhead: what no window allows is not counted as data.
func TestFarAhead(t *testing.T) {
	r := report(script(t, opening+"3 c PSH+ACK len=10\n4 c PSH+ACK seq=2000000000 len=10\n5 c PSH+ACK seq=11 len=5\n"))
	if r.ClientBytes != 15 {
		t.Errorf("%d bytes, want 15", r.ClientBytes)
	}
}

// TestCrossingData: what crossed the FIN on its way is no half close.
func TestCrossingData(t *testing.T) {
	r := report(script(t, opening+"3 c FIN+ACK\n4 s PSH+ACK len=100 ack=1\n5 s PSH+ACK len=7\n6 s FIN+ACK\n7 c ACK\n"))
	if r.HalfCloseBytes != 7 || r.ServerBytes != 107 {
		t.Errorf("%d bytes of %d after the FIN, want 7 of 107", r.HalfCloseBytes, r.ServerBytes)
	}
}
