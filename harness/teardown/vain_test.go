package teardown_test

import (
	"strings"
	"testing"

	"lastack/harness/teardown"
)

// inVain is a FIN that nobody acknowledges, sent again as a timer does.
const inVain = "0 c ACK seq=1 ack=1\n11868 c FIN+ACK\n12108 c FIN+ACK seq=1\n12588 c FIN+ACK seq=1\n"

// TestInVain: who sends the same again and again by its timer heard nothing; whose segments
// alone are in the capture but goes on heard from the other.
func TestInVain(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		sided  teardown.Who // the one that is missing
		wentOn bool
		reason string
	}{
		"FINs":                    {inVain, teardown.None, false, "sent its FIN 3 times in 720 ms and no ACK came"},
		"FINs of the server":      {mirror(inVain), teardown.None, false, "sent its FIN 3 times"},
		"data, then a FIN":        {"0 s PSH+ACK seq=1 ack=1 len=309\n660 s PSH+ACK seq=1 len=309\n1961 s PSH+ACK seq=1 len=309\n4557 s PSH+ACK seq=1 len=309\n9000 s PSH+FIN+ACK len=154\n", teardown.None, false, "the same data 4 times in 3.9 s before it closed and heard nothing"},
		"data and FIN in one":     {"0 s PSH+ACK seq=1 ack=1 len=46\n0.1 s FIN+ACK len=31\n300 s PSH+FIN+ACK seq=1 len=77\n940 s PSH+FIN+ACK seq=1 len=77\n", teardown.None, false, "sent its FIN 3 times"},
		"one copy":                {"0 c ACK seq=1 ack=1\n11868 c FIN+ACK\n12108 c FIN+ACK seq=1\n", teardown.Server, false, "Only the client's segments"},
		"copies at once":          {"0 c ACK seq=1 ack=1\n10 c FIN+ACK\n60 c FIN+ACK seq=1\n110 c FIN+ACK seq=1\n", teardown.Server, false, "Only the client's segments"},
		"new data behind copies":  {"0 c PSH+ACK seq=1 ack=1 len=9\n300 c PSH+ACK seq=1 len=9\n900 c PSH+ACK seq=1 len=9\n950 c PSH+ACK len=9\n", teardown.Server, false, ""},
		"a new ACK behind copies": {"0 c PSH+ACK seq=1 ack=1 len=9\n300 c PSH+ACK seq=1 len=9\n900 c PSH+ACK seq=1 len=9\n950 c ACK ack=700\n", teardown.Server, true, ""},
		"a handshake":             {"0 c SYN\n20 c ACK ack=1\n20.1 c PSH+ACK len=9\n90 c FIN+ACK\n", teardown.Server, true, "Only the client's segments"},
		"the server's":            {"0 s SYN+ACK ack=1\n40 s PSH+ACK len=900\n90 s FIN+ACK\n", teardown.Client, true, ""},
		"the server's SYN alone":  {"0 s SYN+ACK ack=1\n1000 s SYN+ACK seq=0 ack=1\n", teardown.Client, false, ""},
		"more data in time":       {"0 s PSH+ACK seq=1 ack=1 len=9\n1500 s PSH+ACK len=9\n", teardown.Client, true, ""},
		"more data than fits":     {"0 s PSH+ACK seq=1 ack=1 len=40000\n10 s PSH+ACK len=40000\n", teardown.Client, true, ""},
		"a lone segment":          {"0 s PSH+ACK seq=1 ack=1 len=9\n", teardown.Client, false, ""},
	} {
		c := tabled(script(t, tt.script))[0]
		r, d := c.Report(), c.Detail(c.Start())
		if d.OneSided != tt.sided || d.OneSided != teardown.None && c.WentOn() != tt.wentOn {
			t.Errorf("%s: %s is missing, went on %v; want %s, %v", name, d.OneSided, c.WentOn(), tt.sided, tt.wentOn)
		}
		if !strings.Contains(r.Reason, tt.reason) {
			t.Errorf("%s: %q does not say %q", name, r.Reason, tt.reason)
		}
	}
}

// TestGivenUpInVain: a RST behind copies that nobody answered is a time-out, though the
// capture has nothing of the other side.
func TestGivenUpInVain(t *testing.T) {
	const data = "0 c PSH+ACK seq=1 ack=1 len=9\n400 c PSH+ACK seq=1 len=9\n1200 c PSH+ACK seq=1 len=9\n"
	for script1, want := range map[string]teardown.Cause{
		data + "2800 c RST+ACK\n":                        teardown.CauseUser,
		data + "1300 c RST+ACK\n":                        teardown.CauseUnknown, // 0.9 s are no time-out
		"0 c PSH+ACK seq=1 ack=1 len=9\n400 c RST+ACK\n": teardown.CauseUnknown,
	} {
		if r := tabled(script(t, script1))[0].Report(); r.Cause != want {
			t.Errorf("%s: %s, want %s", script1, r.Cause, want)
		}
	}
}
