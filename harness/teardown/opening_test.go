package teardown_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/teardown"
)

// opened feeds a Table with a script of one connection.
func opened(t *testing.T, text string) *teardown.Conn {
	t.Helper()
	tb := teardown.NewTable(teardown.Config{})
	recs := script(t, text)
	c := feed(tb, recs)
	if all := tb.All(); len(all) != 1 {
		t.Fatalf("%d connections of %q", len(all), text)
	}
	return c
}

// TestAnsweredUnseen: an ACK of the SYN's sender shows that the SYN was answered, and data
// of the server that the client's ACK had come, although neither is in the capture.
func TestAnsweredUnseen(t *testing.T) {
	for _, tt := range []struct {
		name, script, has string
		states            [2]string
		unanswered        bool
	}{
		{"client alone", "0 c SYN\n6 c ACK ack=900\n7 c PSH+ACK ack=900 len=517\n20 c ACK ack=4000\n", "its SYN was answered", [2]string{"ESTABLISHED", "ESTABLISHED"}, false},
		{"client alone, midstream", "client 10.0.0.2:41000\n6 c ACK ack=900\n7 c PSH+ACK ack=900 len=517\n", "Only the client's segments are in the trace, and", [2]string{"ESTABLISHED", "ESTABLISHED"}, false},
		{"server alone, midstream", "7 s PSH+ACK ack=900 len=517\n9 s ACK ack=1900\n", "Only the server's segments are in the trace, and", [2]string{"ESTABLISHED", "ESTABLISHED"}, false},
		{"no answer", "0 c SYN\n1000 c SYN seq=0\n", "nothing answered", [2]string{"SYN_SENT", "LISTEN"}, true},
		{"no ACK yet", "0 c SYN\n1 s SYN+ACK\n", "The handshake was not over", [2]string{"ESTABLISHED", "SYN_RECEIVED"}, false},
		{"the ACK is missing", "0 c SYN\n1 s SYN+ACK\n3 s PSH+ACK ack=1 len=80\n", "Neither side had closed", [2]string{"ESTABLISHED", "SYN_RECEIVED"}, false},
		{"the SYN-ACK is late", "0 c SYN\n1 c ACK ack=1\n1.1 s SYN+ACK seq=0\n", "Neither side had closed", [2]string{"ESTABLISHED", "ESTABLISHED"}, false},
	} {
		c := opened(t, tt.script)
		r, d := c.Report(), c.Detail(c.Start().Add(time.Minute))
		if r.Close != teardown.Open || !strings.Contains(r.Reason, tt.has) {
			t.Errorf("%s: %s: %s, want %q", tt.name, r.Close, r.Reason, tt.has)
		}
		if r.States != tt.states || (d.UnansweredUS >= 0) != tt.unanswered {
			t.Errorf("%s: %v, unanswered for %d us", tt.name, r.States, d.UnansweredUS)
		}
	}
}

// TestResetAfterAnswerUnseen: the RST of a server of which nothing else was captured refuses
// nothing once the client has acknowledged its SYN-ACK.
func TestResetAfterAnswerUnseen(t *testing.T) {
	c := opened(t, "0 c SYN\n6 c ACK ack=900\n7 c PSH+ACK ack=900 len=517\n20 s RST+ACK seq=900 ack=518\n")
	if r := c.Report(); r.Close != teardown.Reset || r.Cause != teardown.CauseUnknown {
		t.Errorf("%s, %s: %s", r.Close, r.Cause, r.Reason)
	}
}

// TestReuseOneSided: where the answers are not captured, a SYN with another number begins a
// connection at once, as no challenge of it would be seen.
func TestReuseOneSided(t *testing.T) {
	tb := teardown.NewTable(teardown.Config{})
	feed(tb, script(t, "0 c SYN\n6 c ACK ack=900\n7 c FIN+ACK ack=900\nisn=90000,5\n900 c SYN\n906 c ACK ack=70\n"))
	all := tb.All()
	if len(all) != 1 {
		t.Fatalf("%d connections are left, want the newer one", len(all))
	}
	d := all[0].Detail(all[0].Start())
	if d.SYNs != 1 || d.Reuses == nil || d.Reuses.Outcome != teardown.ReuseAccepted {
		t.Errorf("%+v", d)
	}
}

// TestOpeningBroken: who gave a handshake up, and after what.
func TestOpeningBroken(t *testing.T) {
	for _, tt := range []struct {
		name, script, has string
		by                teardown.Who
		waited            time.Duration // for an answer to the SYN; below 0 if there was one
	}{
		{"SYNs in vain", "0 c SYN\n1000 c SYN seq=0\n3000 c SYN seq=0\n7000 c RST+ACK seq=0 ack=0\n", "gave up with a RST 7 s after its SYN, which it had sent 3 times: nothing answered", teardown.Client, 7 * time.Second},
		{"SYN-ACKs in vain", "0 c SYN\n1 s SYN+ACK\n1001 s SYN+ACK seq=0\n1500 c SYN seq=0\n3001 s SYN+ACK seq=0\n7001 s RST+ACK\n", "server gave up with a RST 7 s after its SYN-ACK, which it had sent 3 times: no ACK", teardown.Server, -time.Microsecond},
		{"one SYN-ACK", "0 c SYN\n1 s SYN+ACK\n11 s RST+ACK\n", "broke the handshake off with a RST 10 ms after its SYN-ACK", teardown.Server, -time.Microsecond},
		{"a scan", "0 c SYN\n1 s SYN+ACK\n2 c RST\n", "answered the SYN-ACK with a RST", teardown.Client, -time.Microsecond},
		{"a late RST", "0 c SYN\n1 s SYN+ACK\n901 c RST\n", "gave the handshake up with a RST 900 ms after the SYN-ACK", teardown.Client, -time.Microsecond},
		{"no SYN", "1 s SYN+ACK ack=1\n2 c RST seq=1\n", "it did not ask for the connection", teardown.Client, -time.Microsecond},
	} {
		c := opened(t, tt.script)
		r, d := c.Report(), c.Detail(c.Start().Add(time.Hour))
		if r.Close != teardown.Reset || r.Cause != teardown.CauseHandshake || r.ResetBy != tt.by || !strings.Contains(r.Reason, tt.has) {
			t.Errorf("%s: %s by %s, %s: %s, want %q", tt.name, r.Close, r.ResetBy, r.Cause, r.Reason, tt.has)
		}
		if want := tt.waited.Microseconds(); d.UnansweredUS != want {
			t.Errorf("%s: waited for %d us, want %d", tt.name, d.UnansweredUS, want)
		}
	}
}

// TestWaitForAnswer: who sent a SYN in vain gave up before it would have sent it once more, and
// the end of the trace is no part of the wait.
func TestWaitForAnswer(t *testing.T) {
	for _, tt := range []struct {
		script   string
		end      time.Duration
		waitedMS int64
	}{
		{"0 c SYN\n", time.Hour, 3000},
		{"0 c SYN\n", 2 * time.Second, 2000},
		{"0 c SYN\n1000 c SYN seq=0\n3000 c SYN seq=0\n", time.Hour, 7000},
		{"0 c SYN\n1000 c SYN seq=0\n3000 c SYN seq=0\n", 5 * time.Second, 5000},
		{"0 c SYN\n0.01 c SYN seq=0\n", time.Hour, 1000}, // captured twice
	} {
		c := opened(t, tt.script)
		if d := c.Detail(c.Start().Add(tt.end)); d.UnansweredUS/1000 != tt.waitedMS {
			t.Errorf("%q, for %v: waited for %d us, want %d ms", tt.script, tt.end, d.UnansweredUS, tt.waitedMS)
		}
	}
}

// TestRefusedAgain: a SYN that comes again after a RST is part of the refused attempt, unless it
// is answered with a SYN-ACK: then it begins the next connection.
func TestRefusedAgain(t *testing.T) {
	const refused = "0 c SYN\n1 s RST+ACK seq=0\n500 c SYN seq=0\n501 s RST+ACK seq=0\n"
	for _, tt := range []struct {
		script string
		syns   []int
	}{
		{refused, []int{2}},
		{refused + "1000 c SYN seq=0\n", []int{3}},
		{refused + "1000 c SYN seq=0\n1100 c SYN seq=0\n1101 s RST+ACK seq=0\n", []int{4}},
		{refused + "1000 c SYN seq=0\n1001 s SYN+ACK seq=7000\n1002 c ACK ack=7001\n1003 c FIN+ACK ack=7001\n1004 s FIN+ACK seq=7001\n1005 c ACK ack=7002\n", []int{2, 1}},
	} {
		var syns []int
		var last *teardown.Conn
		tb := teardown.NewTable(teardown.Config{OnForget: func(c *teardown.Conn) {
			syns, last = append(syns, c.Detail(c.Start()).SYNs), c
		}})
		feed(tb, script(t, tt.script))
		tb.Flush()
		if !slices.Equal(syns, tt.syns) {
			t.Errorf("%q: SYNs of the connections: %d, want %d", tt.script, syns, tt.syns)
		}
		if r := last.Report(); len(syns) == 2 && (r.Close != teardown.ThreeWay || r.ClientSegments != 4) {
			t.Errorf("%q: %s, of %d segments of the client", tt.script, r.Close, r.ClientSegments)
		}
	}
}
