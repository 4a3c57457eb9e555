package teardown_test

import (
	"strings"
	"testing"
	"time"

	"lastack/harness/teardown"
)

// TestFINsAnswered: a FIN that is sent again is no loss where every copy was answered, late
// or in other ways than by its ACK, nor where its stack repeats it behind an ACK.
func TestFINsAnswered(t *testing.T) {
	const far = "0 c SYN\n50 s SYN+ACK\n50.1 c ACK\n"
	for name, tt := range map[string]struct {
		script string
		lost   teardown.Lost // "" if none counts as sent again
		says   string
	}{
		"as many answers, late": {
			far + "100 c FIN+ACK\n350 c FIN+ACK seq=1\n900 c FIN+ACK seq=1\n1000 s ACK ack=2\n1000.1 s ACK ack=2\n1001 s ACK ack=2\n1100 s FIN+ACK\n1100.1 c ACK\n",
			teardown.LostNothing, "its ACK was late: every copy was answered",
		},
		"fewer answers": {
			far + "100 c FIN+ACK\n350 c FIN+ACK seq=1\n900 c FIN+ACK seq=1\n950 s ACK ack=2\n1100 s FIN+ACK\n1100.1 c ACK\n",
			teardown.LostEither, "it or its ACK was lost",
		},
		"RSTs are answers": {
			far + "100 s FIN+ACK ack=1\n400 s FIN+ACK seq=1 ack=1\n900 c ACK ack=2\n901 c RST seq=1 ack=0\n",
			teardown.LostNothing, "every copy was answered",
		},
		"behind the ACK of the other FIN": {
			far + "100 s FIN+ACK\n100.4 c FIN+ACK ack=1\n102 s ACK ack=2\n102.5 s FIN+ACK seq=1 ack=2\n103 c ACK\n",
			"", "",
		},
		"acknowledged before, and behind that ACK": {
			far + "100 s FIN+ACK\n150 c ACK\n200 c FIN+ACK\n200.6 s ACK\n200.8 s FIN+ACK seq=1 ack=2\n", "", "",
		},
		"by its timer": {
			far + "100 s FIN+ACK\n150 c ACK\n200 c FIN+ACK\n200.6 s ACK\n440 s FIN+ACK seq=1 ack=2\n",
			teardown.LostACK, "its ACK was lost or late",
		},
		"data taken, FIN left": {
			far + "100 c PSH+FIN+ACK len=170\n100.1 s ACK ack=171\n300 c FIN+ACK seq=171 ack=1\n300.4 s ACK ack=172\n310 s FIN+ACK\n310.1 c ACK\n",
			teardown.LostNothing, "the server took the data of its segment and not the FIN",
		},
		"the last of a large segment lost": {
			far + "100 c PSH+FIN+ACK len=3000\n151 s ACK ack=1501\n400 c PSH+FIN+ACK seq=1501 len=1500\n450 s ACK ack=3002\n460 s FIN+ACK\n460.1 c ACK\n",
			teardown.LostEither, "it or its ACK was lost",
		},
		"data sent before": {
			far + "100 c PSH+ACK len=170\n100.1 c PSH+FIN+ACK seq=1 len=170\n100.2 s ACK ack=171\n300 c FIN+ACK seq=171\n300.4 s ACK ack=172\n310 s FIN+ACK\n310.1 c ACK\n",
			teardown.LostEither, "it or its ACK was lost",
		},
		"out of step": {
			"0 s FIN+ACK seq=1 ack=1\n46 c ACK seq=300 ack=1300\n140 s FIN+ACK seq=1 ack=1\n145 c ACK seq=300 ack=1300\n",
			teardown.LostNothing, "the client answers with an ACK of more than the server has sent",
		},
	} {
		table := teardown.NewTable(teardown.Config{})
		c := feed(table, script(t, tt.script))
		r, d := c.Report(), c.Detail(time.Time{})
		var lost teardown.Lost
		if len(d.FINsAgain) > 0 {
			lost = d.FINsAgain[0].Lost
		}
		if lost != tt.lost || !strings.Contains(r.Reason, tt.says) {
			t.Errorf("%s: lost %q, want %q: %s", name, lost, tt.lost, r.Reason)
		}
		if tt.lost == "" && r.FINRetransmissions > 0 {
			t.Errorf("%s: %d FINs sent again: %s", name, r.FINRetransmissions, r.Reason)
		}
	}
}

// TestDeserted: a side that closes second and gets no answer to three copies of its FIN has
// nobody on the other side, so that none is in TIME_WAIT.
func TestDeserted(t *testing.T) {
	const closed = opening + "10 s FIN+ACK\n11 c FIN+ACK ack=2\n"
	for name, tt := range map[string]struct {
		script string
		kind   teardown.Kind
		lost   teardown.Lost
		in     teardown.Who
		states string
	}{
		"three-way":           {closed + "230 c FIN+ACK seq=1\n700 c FIN+ACK seq=1\n", teardown.HalfClosed, teardown.LostState, teardown.None, "LAST_ACK FIN_WAIT_2"},
		"four-way":            {opening + "10 s FIN+ACK\n11 c ACK\n9000 c FIN+ACK\n9230 c FIN+ACK seq=1\n9700 c FIN+ACK seq=1\n", teardown.HalfClosed, teardown.LostState, teardown.None, "LAST_ACK FIN_WAIT_2"},
		"one copy":            {closed + "230 c FIN+ACK seq=1\n", teardown.ThreeWay, teardown.LostEither, teardown.Server, "LAST_ACK TIME_WAIT"},
		"answered in the end": {closed + "230 c FIN+ACK seq=1\n700 c FIN+ACK seq=1\n720 s ACK ack=2\n", teardown.ThreeWay, teardown.LostEither, teardown.Server, "CLOSED TIME_WAIT"},
	} {
		table := teardown.NewTable(teardown.Config{})
		c := feed(table, script(t, tt.script))
		r, d := c.Report(), c.Detail(time.Time{})
		if r.Close != tt.kind || r.TimeWait != tt.in || strings.Join(r.States[:], " ") != tt.states || d.FINsAgain[0].Lost != tt.lost {
			t.Errorf("%s: %s, TIME_WAIT %s, %v, lost %s: %s", name, r.Close, r.TimeWait, r.States, d.FINsAgain[0].Lost, r.Reason)
		}
	}
}

// TestSYNACKAfterARest begins another connection: its SYN is not in the capture.
func TestSYNACKAfterARest(t *testing.T) {
	const old = opening + "10 c FIN+ACK\n11 s FIN+ACK\n12 c ACK\n"
	next := script(t, "isn=70000,80000\n3400000 s SYN+ACK seq=0 ack=1\n3400001 c ACK\n3400002 c FIN+ACK\n")
	soon := script(t, "isn=70000,80000\n20000 s SYN+ACK seq=0 ack=1\n")
	for name, tt := range map[string]struct {
		more []teardown.Record
		want int
	}{"after an hour": {next, 2}, "at once": {soon, 1}} {
		table := teardown.NewTable(teardown.Config{RememberFor: 24 * time.Hour})
		first := feed(table, script(t, old))
		feed(table, tt.more)
		if n := len(table.All()); tt.want == 2 && (n != 1 || table.All()[0] == first) || tt.want == 1 && table.All()[0] != first {
			t.Errorf("%s: %d connections, the first is still there: %v", name, n, table.All()[0] == first)
		}
		if r := first.Report(); r.FINRetransmissions != 0 {
			t.Errorf("%s: %s", name, r.Reason)
		}
	}
}
