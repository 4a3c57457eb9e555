package teardowntest

import (
	"strings"
	"testing"

	"lastack/stack/flow"
)

// TestParseNumbers: numbers follow from what was sent, and wrap.
func TestParseNumbers(t *testing.T) {
	recs, err := Parse("0 c SYN\n1 s SYN+ACK # a comment\n2 c ACK\n3 c PSH+ACK len=10\n4 c FIN+ACK\n5 s FIN+ACK\n")
	if err != nil {
		t.Fatal(err)
	}
	last := recs[5]
	if last.Step.From != flow.Server || last.Step.SeqOff != 1 || last.Step.AckOff != 12 {
		t.Errorf("server's FIN: %+v", last.Step)
	}
	if recs[4].Seg.Seq != 8 || recs[0].Seg.Seq < 1<<31 {
		t.Errorf("the client's numbers do not wrap: %d to %d", recs[0].Seg.Seq, recs[4].Seg.Seq)
	}
	if got := last.Time.Sub(recs[0].Time).Milliseconds(); got != 5 {
		t.Errorf("%d ms, want 5", got)
	}
}

func TestParseErrors(t *testing.T) {
	for script, want := range map[string]string{
		"0 c SYN\nx c ACK":         "line 2",
		"0 q SYN":                  "side c or s",
		"0 c XYZ":                  `unknown flag "XYZ"`,
		"0 c ACK len=x":            `"len=x"`,
		"0 c ACK size=1":           `unknown setting "size"`,
		"0 c ACK hold=never":       `unknown hold "never"`,
		"0 c ACK lost=up":          `"up"`,
		"0 c":                      "want a time, a side and flags",
		"client 10.0.0.1":          "line 1",
		"client 10.0.0.1:1 server": "want client ip:port",
		"isn=x":                    "line 1",
	} {
		if _, err := Parse(script); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", script, err, want)
		}
	}
}
