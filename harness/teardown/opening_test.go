package teardown_test

import (
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
