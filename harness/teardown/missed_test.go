package teardown_test

import (
	"strings"
	"testing"

	"lastack/harness/teardown"
	"lastack/stack/flow"
)

// TestProvedLost: of a capture alone, a FIN is called lost only where what came back long
// after it proves that it had not arrived, and then it moved nobody.
func TestProvedLost(t *testing.T) {
	const up = "0 c SYN\n10 s SYN+ACK\n20 c ACK\n21 c PSH+ACK len=79\n31 s ACK\n"
	const end = "290 c FIN+ACK seq=80\n300 s FIN+ACK ack=81\n310 c ACK\n"
	for name, tt := range map[string]struct {
		script string
		lost   bool
	}{
		"the server goes on":               {up + "50 c FIN+ACK\n100 s PSH+ACK len=9 ack=80\n" + end, true},
		"it says nothing":                  {up + "50 c FIN+ACK\n" + end, false},
		"it spoke too soon":                {up + "50 c FIN+ACK\n75 s PSH+ACK len=9 ack=80\n" + end, false},
		"data in front may be lost":        {up + "48 c PSH+ACK len=5\n50 c FIN+ACK\n100 s PSH+ACK len=9 ack=80\n290 c FIN+ACK seq=85\n300 s FIN+ACK ack=86\n", false},
		"no handshake":                     {"21 c PSH+ACK len=79 seq=1 ack=1\n31 s ACK seq=1 ack=80\n50 c FIN+ACK\n100 s PSH+ACK len=9 ack=80\n" + end, false},
		"the path is slower now":           {up + "50 c FIN+ACK\n100 s PSH+ACK len=9 ack=80\n290 c FIN+ACK seq=80\n500 s FIN+ACK ack=81\n", false},
		"it is not sent again":             {up + "50 c FIN+ACK\n100 s PSH+ACK len=9 ack=80\n300 s FIN+ACK ack=81\n310 c ACK\n", false},
		"it closes itself, and they cross": {up + "50 c FIN+ACK\n100 s FIN+ACK ack=80\n110 c ACK seq=81\n290 c FIN+ACK seq=80\n300 s ACK ack=81\n", true},
	} {
		r := report(script(t, tt.script))
		var fin *teardown.Line
		for i := range r.Segments {
			if l := &r.Segments[i]; fin == nil && strings.Contains(l.Flags, "FIN") {
				fin = l
			}
		}
		if fin.LostIn != tt.lost || fin.Lost {
			t.Errorf("%s: lost in %v, want %v", name, fin.LostIn, tt.lost)
		}
		if moved := fin.States[1] != "ESTABLISHED"; moved == tt.lost && name != "it closes itself, and they cross" {
			t.Errorf("%s: the server is in %s", name, fin.States[1])
		}
	}
}

// TestAware: a side whose FIN comes again had no ACK of it, whatever the capture has.
func TestAware(t *testing.T) {
	for name, tt := range map[string]struct{ script, want string }{
		"the last ACK":     {"10 c FIN+ACK\n11 s FIN+ACK\n12 c ACK\n212 s FIN+ACK seq=1 ack=2\n212.1 c ACK\n", "CLOSE_WAIT LAST_ACK LAST_ACK LAST_ACK CLOSED"},
		"it stays away":    {"10 c FIN+ACK\n11 s FIN+ACK\n12 c ACK\n212 s FIN+ACK seq=1 ack=2\n", "CLOSE_WAIT LAST_ACK LAST_ACK LAST_ACK"},
		"captured twice":   {"10 c FIN+ACK\n11 s FIN+ACK\n12 c ACK\n12.1 s FIN+ACK seq=1 ack=2\n12.2 c ACK\n", "CLOSE_WAIT LAST_ACK CLOSED CLOSED CLOSED"},
		"a RST is the end": {"10 c FIN+ACK\n11 s FIN+ACK\n12 c ACK\n212 s FIN+ACK seq=1 ack=2\n212.1 c RST\n", "CLOSE_WAIT LAST_ACK LAST_ACK LAST_ACK CLOSED"},
		"the server's FIN": {"10 s FIN+ACK\n11 c ACK\n212 s FIN+ACK seq=1 ack=1\n212.1 c ACK\n", "FIN_WAIT_1 FIN_WAIT_1 FIN_WAIT_1 FIN_WAIT_2"},
	} {
		r := report(script(t, opening+tt.script))
		var got []string
		for _, l := range r.Segments {
			got = append(got, l.States[1])
		}
		if s := strings.Join(got, " "); s != tt.want || r.States[1] != got[len(got)-1] {
			t.Errorf("%s: %s, at the end %s, want %s", name, s, r.States[1], tt.want)
		}
	}
}

// TestRefusal: what the host is known to refuse changes nothing, where an observer on the
// path has to give it the benefit of the doubt.
func TestRefusal(t *testing.T) {
	for flags, outcome := range map[string]flow.Mark{"RST seq=99": flow.Challenged, "FIN+ACK seq=99": flow.Challenged, "SYN seq=99": flow.Challenged, "RST seq=98": flow.Ignored} {
		recs := script(t, opening+"10 c "+flags+"\n")
		tb := teardown.NewTable(teardown.Config{OnClose: func(*teardown.Conn) { t.Errorf("%s ended the connection", flags) }})
		var c *teardown.Conn
		for i := range recs {
			if i == len(recs)-1 {
				recs[i].Refusal = outcome
			}
			c = tb.Add(&recs[i])
		}
		r := c.Report()
		last := r.Opening[len(r.Opening)-1]
		want := map[flow.Mark]string{flow.Challenged: "challenged", flow.Ignored: "ignored"}[outcome]
		if r.Close != teardown.Open || r.States != [2]string{"ESTABLISHED", "ESTABLISHED"} || last.Outcome != want || last.LostIn {
			t.Errorf("%s: %s, %s, %q", flags, r.Close, r.States, last.Outcome)
		}
	}
}
