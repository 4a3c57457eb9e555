package impair

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for line, want := range map[string]struct {
		rule      Rule
		canonical string
	}{
		"drop the 1st pure ACK of a FIN from host": {
			Rule{Kind: PureACKOfFIN, From: Host, Picks: Nth, N: 1}, "",
		},
		"delay segments with FIN from peer by 30 ms": {
			Rule{Action: Delay, Delay: 30 * time.Millisecond, Kind: FIN, From: Peer}, "delay every FIN from peer by 30 ms",
		},
		"duplicate every FIN from host": {Rule{Action: Duplicate, Kind: FIN, From: Host}, ""},
		"reorder the 2nd segment with data from peer": {
			Rule{Action: Reorder, Kind: Data, From: Peer, Picks: Nth, N: 2}, "",
		},
		"corrupt the 1st segment with data from peer": {
			Rule{Action: Corrupt, Kind: Data, From: Peer, Picks: Nth, N: 1}, "",
		},
		"drop 5% of segments from either": {Rule{Picks: Percent, Percent: 5}, ""},
		"Drop 0.25% of all data from HOST": {
			Rule{Kind: Data, From: Host, Picks: Percent, Percent: 0.25}, "drop 0.25% of segments with data from host",
		},
		"drop the first 3 SYN+ACKs from host on port 80": {
			Rule{Kind: SYNACK, From: Host, Picks: FirstN, N: 3, Port: 80}, "",
		},
		"drop the first FIN on port 80 from either": {
			Rule{Kind: FIN, Picks: Nth, N: 1, Port: 80}, "drop the 1st FIN from either on port 80",
		},
		"drop the first 1 FIN from either":      {Rule{Kind: FIN, Picks: Nth, N: 1}, "drop the 1st FIN from either"},
		"drop every 1st RST from either":        {Rule{Kind: RST}, "drop every RST from either"},
		"drop every 10th of all SYNs from peer": {Rule{Kind: SYN, From: Peer, Picks: EveryNth, N: 10, OfAll: true}, ""},
		"drop the 112th of all ACKs of a FIN from peer": {
			Rule{Kind: ACKOfFIN, From: Peer, Picks: Nth, N: 112, OfAll: true}, "",
		},
		"drop every 23rd pure ACK from peer": {Rule{Kind: PureACK, From: Peer, Picks: EveryNth, N: 23}, ""},
		"delay data by 1.5s from host": {
			Rule{Action: Delay, Delay: 1500 * time.Millisecond, Kind: Data, From: Host}, "delay every segment with data from host by 1500 ms",
		},
		"delay SYN from host by 0.5 ms": {
			Rule{Action: Delay, Delay: 500 * time.Microsecond, Kind: SYN, From: Host}, "delay every SYN from host by 0.5 ms",
		},
	} {
		got, err := Parse(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got != want.rule {
			t.Errorf("%s: %+v, want %+v", line, got, want.rule)
		}
		if want.canonical == "" {
			want.canonical = line
		}
		if got.String() != want.canonical {
			t.Errorf("%s: canonically %q, want %q", line, got.String(), want.canonical)
		}
	}
}

// TestErrorsNameTheWord: the word, and a part of what was expected.
func TestErrorsNameTheWord(t *testing.T) {
	for line, want := range map[string][2]string{
		"":                                        {"", `"drop", "delay", "duplicate", "reorder" or "corrupt"`},
		"lose every FIN from host":                {"lose", `"drop"`},
		"drop":                                    {"", `"pure ACK"`},
		"drop FIM from host":                      {"FIM", "FIN"},
		"drop the FIN from host":                  {"FIN", `"1st"`},
		"drop the 0th FIN from host":              {"0th", `"1st"`},
		"drop the 1st of FINs from host":          {"FINs", `"all"`},
		"drop 101% of FINs from host":             {"101%", "at most 100"},
		"drop 0% of FINs from host":               {"0%", "more than 0"},
		"drop 5% FINs from host":                  {"FINs", `"of"`},
		"drop ACKs from host":                     {"from", `"of"`},
		"drop pure FIN from host":                 {"FIN", `"ACK"`},
		"drop ACK of the FIN from host":           {"the", `"a"`},
		"drop segments with ACK from host":        {"ACK", "data"},
		"drop every FIN":                          {"", `"from host"`},
		"drop every FIN from":                     {"", `"peer"`},
		"drop every FIN from client":              {"client", `"host"`},
		"drop every FIN from host from peer":      {"from", `"on port"`},
		"drop every FIN from host on 80":          {"80", `"port"`},
		"drop every FIN from host on port 70000":  {"70000", "65535"},
		"drop every FIN from host on port 1 1":    {"1", "the end"},
		"drop every FIN from host by 30 ms":       {"by", "the end"},
		"delay every FIN from host":               {"", `"by"`},
		"delay every FIN":                         {"", `"by"`},
		"delay every FIN from host by 30":         {"30", `"30 ms"`},
		"delay every FIN from host by 30 minutes": {"30", `"30 ms"`},
		"delay every FIN from host by 1m0s":       {"1m0s", `"30 ms"`},
		"delay every FIN from host by 601 s":      {"601", "600 s"},
		"delay every FIN from host by -5 ms":      {"-5", `"30 ms"`},
	} {
		_, err := Parse(line)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: %v, want a SyntaxError", line, err)
			continue
		}
		if syntax.Word != want[0] || !strings.Contains(syntax.Want, want[1]) {
			t.Errorf("%q: word %q, want %s; expected word %q, want ... %s", line, syntax.Word, syntax.Want, want[0], want[1])
		}
		if msg := err.Error(); !strings.Contains(msg, syntax.Want) || !strings.Contains(msg, syntax.Word) {
			t.Errorf("%q: message %q", line, msg)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"drop the 1st pure ACK of a FIN from host", "delay segments with FIN from peer by 30 ms",
		"duplicate every 3rd of all SYN+ACKs from either on port 80", "corrupt 0.1% of data from host",
		"reorder the first 2 ACKs of a FIN on port 1 from peer", "delay RSTs by 1.000001s from host",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, err := Parse(line)
		if err != nil {
			return
		}
		if err := r.Validate(); err != nil {
			t.Fatalf("%q parses to what is not valid: %v", line, err)
		}
		again, err := Parse(r.String())
		if err != nil || again != r {
			t.Fatalf("%q is %+v, its canonical form %q is %+v, %v", line, r, r.String(), again, err)
		}
	})
}

func TestValidate(t *testing.T) {
	if err := new(Rule).Validate(); err != nil {
		t.Errorf("the zero Rule: %v", err)
	}
	for name, r := range map[string]Rule{
		"no such action":   {Action: 99},
		"no delay":         {Action: Delay},
		"odd nanoseconds":  {Action: Delay, Delay: 1001},
		"delay with drop":  {Delay: time.Second},
		"no number":        {Picks: Nth},
		"number for every": {N: 3},
		"of all for every": {OfAll: true},
		"no percentage":    {Picks: Percent},
		"percent of every": {Percent: 5},
	} {
		if r.Validate() == nil {
			t.Errorf("%s: valid", name)
		}
	}
}
