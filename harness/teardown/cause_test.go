package teardown_test

import (
	"slices"
	"strings"
	"testing"

	"lastack/harness/teardown"
)

// far is a handshake and an answered exchange, seen at a client to which the server is
// 20 ms away and has a TTL of 58.
const far = `0 c SYN ttl=64 id=1
20 s SYN+ACK ttl=58 id=1000
20.1 c ACK ttl=64 id=2
21 c PSH+ACK len=200 ttl=64 id=3
41 s PSH+ACK len=1000 ttl=58 id=1001
41.1 c ACK ttl=64 id=4
`

// farther has more of it, so that the IDs are seen to count.
const farther = far + `50 c PSH+ACK len=200 ttl=64 id=5
70 s PSH+ACK len=1000 ttl=58 id=1002
70.1 c ACK ttl=64 id=6
80 c PSH+ACK len=200 ttl=64 id=7
100 s PSH+ACK len=1000 ttl=58 id=1003
100.1 c ACK ttl=64 id=8
110 c PSH+ACK len=200 ttl=64 id=9
130 s PSH+ACK len=1000 ttl=58 id=1004
130.1 c ACK ttl=64 id=10
`

// near is far seen at the server, where the client has done what there the server has.
const near = `0 c SYN ttl=58 id=1000
0.1 s SYN+ACK ttl=64 id=1
20 c ACK ttl=58 id=1001
20.5 c PSH+ACK len=1000 ttl=58 id=1002
21 s PSH+ACK len=200 ttl=64 id=2
41 c ACK ttl=58 id=1003
`

// mirror turns a script round: what the client did, the server does.
func mirror(script string) string {
	var out []string
	for _, line := range strings.Split(script, "\n") {
		f := strings.Fields(line)
		if len(f) > 2 {
			f[1] = map[string]string{"c": "s", "s": "c"}[f[1]]
		}
		out = append(out, strings.Join(f, " "))
	}
	return strings.Join(out, "\n")
}

var causes = []struct {
	name, script string
	want         teardown.Cause
	has          string // in the reason
}{
	// Data after close, whatever comes with it and in whatever order.
	{"data and FIN in one burst", far + "300 s FIN+ACK\n300.1 c ACK\n300.2 c PSH+ACK len=31\n300.3 c FIN+ACK\n350 s RST\n350.1 s RST\n", teardown.CauseDataAfterClose, "31 bytes"},
	{"data in the FIN", far + "300 s FIN+ACK\n300.1 c ACK\n300.2 c FIN+ACK len=31\n320 s RST\n", teardown.CauseDataAfterClose, "31 bytes"},
	{"FIN seen before the data", far + "300 s FIN+ACK\n300.1 c ACK\n300.2 c FIN+ACK seq=232\n300.3 c PSH+ACK seq=201 len=31\n320 s RST\n", teardown.CauseDataAfterClose, ""},
	{"data long after close", far + "300 s FIN+ACK\n300.1 c ACK\n70000 c PSH+ACK len=31\n70020 s RST\n", teardown.CauseDataAfterClose, ""},
	{"the server goes on", far + "300 c FIN+ACK\n320 s PSH+ACK len=1448\n320.1 c RST\n", teardown.CauseDataAfterClose, "1,448 bytes"},
	{"the RST has an ACK", far + "300 c FIN+ACK\n320 s PSH+ACK len=1448\n320.1 c RST+ACK\n", teardown.CauseDataAfterClose, ""},

	// FIN_WAIT_2 takes its time.
	{"FIN_WAIT_2 expired", far + "300 c FIN+ACK\n320 s ACK\n61000 s FIN+ACK\n61000.1 c RST\n", teardown.CauseFinWait2, "60.7 s before"},
	{"a probe of FIN_WAIT_2", far + "300 c FIN+ACK\n320 s ACK\n99000 s ACK seq=1000\n99000.1 c RST\n", teardown.CauseFinWait2, ""},
	{"gone at once", far + "300 c FIN+ACK\n320 s ACK\n350 s FIN+ACK\n350.1 c RST\n", teardown.CauseStateGone, "so soon"},
	{"LINGER2", far + "300 c FIN+ACK\n320 s ACK\n320.1 c RST\n", teardown.CauseAbort, "TCP_LINGER2"},

	// Races need a request that crossed.
	{"race", far + "5041 s FIN+ACK\n5042 c PSH+ACK len=99 ack=1001\n5062 s RST\n", teardown.CauseRace, "crossed"},
	{"race, not a second", far + "441 s FIN+ACK\n442 c PSH+ACK len=99 ack=1001\n462 s RST\n", teardown.CauseRace, "400 ms"},
	{"race with the RST of a limit", far + "5041 s RST+ACK\n5042 c PSH+ACK len=99 ack=1001\n", teardown.CauseRace, ""},
	{"no race: a slow answer", far + "300 c PSH+ACK len=99\n320 s ACK\n500 s PSH+ACK len=999\n500.1 c RST+ACK\n", teardown.CauseAbort, "unread"},
	{"no race: acknowledged", far + "5042 c PSH+ACK len=99\n5042.1 s ACK\n5043 s RST+ACK\n", teardown.CauseAbort, ""},
	{"no race: a goodbye with FIN", far + "23000 c PSH+ACK len=5\n23000.1 c FIN+ACK\n23020 s ACK\n23021 s RST+ACK\n", teardown.CauseAbort, ""},
	{"no race: the server speaks", far + "2500 c FIN+ACK\n2520 s PSH+ACK len=31 ack=202\n2520.1 c RST\n2520.2 s FIN+ACK\n2520.3 c RST\n", teardown.CauseDataAfterClose, "2.5 s"},

	// A RST without ACK answers a segment, or is its sender's own.
	{"restarted", far + "90000 c PSH+ACK len=9\n90020 s RST\n", teardown.CauseStateGone, "without data"},
	{"restarted, asked by a probe", far + "90000 c ACK seq=200\n90020 s RST\n", teardown.CauseStateGone, ""},
	{"own RST, after the FIN was acknowledged", "0 c SYN\n20 s SYN+ACK\n20.1 c ACK\n21 c PSH+ACK len=200\n41 s FIN+ACK len=1000\n41.1 c ACK\n44 c RST\n", teardown.CauseAbort, "after the server's FIN"},
	{"own RST, of another number", far + "60 c PSH+ACK len=100\n61 c RST\n", teardown.CauseAbort, ""},
	{"own RST, long after", far + "41.2 s ACK\n900 c RST\n", teardown.CauseAbort, ""},
	{"an ACK goes back", far + "90000 c ACK seq=200\n90020 s RST+ACK seq=1001 ack=200\n", teardown.CauseStateGone, ""},

	// Time-outs.
	{"keep-alive", far + "6000 s ACK seq=1000\n6020 c ACK\n13000 s ACK seq=1000\n15000 s ACK seq=1000\n17000 s ACK seq=1000\n19000 s RST+ACK\n", teardown.CauseKeepAlive, "3 keep-alive probes"},
	{"keep-alive of one byte", far + "6000 s ACK seq=1000 len=1\n7000 s ACK seq=1000 len=1\n8000 s RST+ACK\n", teardown.CauseKeepAlive, ""},
	{"keep-alive was answered", far + "6000 s ACK seq=1000\n6020 c ACK\n11000 s RST+ACK\n", teardown.CauseUnknown, "idle-timeout"},
	{"retransmissions", far + "100 c PSH+ACK len=50\n300 c PSH+ACK seq=201 len=50\n700 c PSH+ACK seq=201 len=50\n1500 c PSH+ACK seq=201 len=50\n3100 c RST+ACK\n", teardown.CauseUser, "4 times"},
	{"FIN again and again", far + "100 c FIN+ACK\n300 c FIN+ACK seq=201\n700 c FIN+ACK seq=201\n1500 c RST+ACK\n", teardown.CauseUser, ""},
	{"shut window", far + "100 c ACK len=900\n120 s ACK win=0\n320 c ACK seq=1100\n340 s ACK win=0\n720 c ACK seq=1100\n740 s ACK win=0\n1520 c ACK seq=1100\n1540 s ACK win=0\n3000 c RST+ACK\n", teardown.CauseUser, "shut"},
	{"a window that opened", far + "100 c ACK len=900\n120 s ACK win=0\n220 c ACK seq=1100\n240 s ACK win=900\n241 c RST+ACK\n", teardown.CauseAbort, ""},
	{"idle for a minute", far + "60041.2 s RST+ACK\n", teardown.CauseIdle, "60 s of silence"},
	{"idle for some time", far + "7321 s RST+ACK\n", teardown.CauseUnknown, "idle-timeout"},
	{"not idle", far + "341 s RST+ACK\n", teardown.CauseAbort, ""},
	{"gave up", far + "100 c PSH+ACK len=50\n120 s ACK\n5100 c RST+ACK\n", teardown.CauseGaveUp, "5 s after its request"},
	{"gave up, and then came the answer", far + "100 c PSH+ACK len=50\n120 s ACK\n5100 c FIN+ACK\n5120 s ACK\n8000 s PSH+ACK len=700\n8000.1 c RST\n", teardown.CauseGaveUp, "700 bytes"},
	{"a goodbye", far + "100 c PSH+ACK len=50\n101 c RST+ACK\n", teardown.CauseAbort, ""},

	// RSTs of somebody else.
	{"another TTL", far + "7200041 c ACK seq=200\n7200041.5 s RST+ACK ttl=28\n", teardown.CauseMiddlebox, "TTL"},
	{"a TTL one off, once", far + "50 s RST+ACK ttl=59 id=1002\n", teardown.CauseAbort, ""},
	{"a TTL one off, where all were alike", farther + "150 s RST+ACK ttl=59 id=1005\n", teardown.CauseMiddlebox, "TTL"},
	{"another TTL than that of the SYN+ACK", "0 c SYN\n20 s SYN+ACK ttl=58\n20.1 c ACK\n21 c PSH+ACK len=500\n31 s RST+ACK ttl=45\n", teardown.CauseMiddlebox, "TTL"},
	{"a TTL near that of the SYN+ACK", "0 c SYN\n20 s SYN+ACK ttl=58\n20.1 c ACK\n21 c PSH+ACK len=500\n41 s RST+ACK ttl=55\n", teardown.CauseAbort, ""},
	{"another first TTL", farther + "150 s RST+ACK ttl=122 id=1005\n", teardown.CauseAbort, ""},
	{"an ID that leaps", farther + "150 s RST+ACK ttl=58 id=50000\n", teardown.CauseMiddlebox, "identification"},
	{"an ID that goes on", farther + "150 s RST+ACK ttl=58 id=1009\n", teardown.CauseAbort, ""},
	{"no ID", farther + "150 s RST+ACK ttl=58\n", teardown.CauseAbort, ""},
	{"too early", far + "100 c PSH+ACK len=50\n101 s RST+ACK ttl=58\n", teardown.CauseMiddlebox, "cannot have arrived"},
	{"in time", far + "100 c PSH+ACK len=50\n120 s RST+ACK ttl=58\n", teardown.CauseAbort, ""},
	{"the server goes on behind it", far + "100 s RST+ACK ttl=58\n101 s PSH+ACK len=900 ttl=58\n", teardown.CauseMiddlebox, "goes on"},

	// What is missing.
	{"a RST alone", "0 s RST+ACK\n", teardown.CauseUnknown, "nothing else"},
	{"a RST without ACK alone", "0 c RST\n", teardown.CauseUnknown, "nothing else"},
	{"one side alone", "0 c SYN\n20 c ACK\n21 c PSH+ACK len=20\n41 c ACK ack=301\n61 c RST+ACK ack=301\n", teardown.CauseUnknown, "nothing that the server sent"},
	{"MP_FASTCLOSE", far + "4000 c ACK fastclose=1\n4020 s RST+ACK\n", teardown.CauseAbort, "MP_FASTCLOSE"},
	{"MP_FASTCLOSE in the RST", far + "4000 c RST+ACK fastclose=1\n", teardown.CauseAbort, "MP_FASTCLOSE"},
	{"FIN probe", "0 c FIN seq=5\n0.1 s RST+ACK seq=0 ack=6\n", teardown.CauseRefused, "no SYN"},
	{"NULL probe", "0 c none seq=5\n0.1 s RST+ACK seq=0 ack=5\n", teardown.CauseRefused, ""},
	{"refused", "0 c SYN\n20 s RST+ACK\n", teardown.CauseRefused, ""},
	{"handshake", "0 c SYN\n20 s SYN+ACK\n20.1 c RST\n", teardown.CauseHandshake, ""},
	{"orderly", far + "60 c FIN+ACK\n80 s FIN+ACK\n80.1 c ACK\n", teardown.CauseNone, ""},
	{"open", far, teardown.CauseNone, ""},
	{"challenged", far + "60 c FIN+ACK\n80 s FIN+ACK\n80.1 c ACK\n", teardown.CauseNone, ""},
}

func TestCauses(t *testing.T) {
	for _, tt := range causes {
		checkCause(t, tt.name, tt.script, tt.want, tt.has)
	}
}

func checkCause(t *testing.T, name, text string, want teardown.Cause, has string) {
	t.Helper()
	_, reports := detail(t, text)
	r := reports[len(reports)-1]
	if r.Cause != want || !strings.Contains(r.Reason, has) {
		t.Errorf("%s: %s, %s; want %s, %q", name, r.Cause, r.Reason, want, has)
	}
}

// TestCausesIPv6 has no IDs, and addresses of another kind.
func TestCausesIPv6(t *testing.T) {
	for _, tt := range causes {
		if strings.Contains(tt.name, "ID") {
			continue
		}
		checkCause(t, tt.name, "client [2001:db8::2]:41000\nserver [2001:db8::1]:443\n"+tt.script, tt.want, tt.has)
	}
}

// TestCausesTimestamps: they change nothing.
func TestCausesTimestamps(t *testing.T) {
	for _, tt := range causes {
		lines := strings.Split(tt.script, "\n")
		for i, l := range lines {
			if l != "" && !strings.Contains(l, "RST") {
				lines[i] += " ts=100"
			}
		}
		checkCause(t, tt.name, strings.Join(lines, "\n"), tt.want, tt.has)
	}
}

// sides are causes that either side brings about.
var sides = []teardown.Cause{
	teardown.CauseDataAfterClose, teardown.CauseFinWait2, teardown.CauseKeepAlive, teardown.CauseUser,
	teardown.CauseMiddlebox, teardown.CauseStateGone,
}

// TestCausesMirrored: what does not depend on who asks is the same from the other side.
func TestCausesMirrored(t *testing.T) {
	for _, tt := range causes {
		if !slices.Contains(sides, tt.want) || !strings.HasPrefix(tt.script, far) || strings.HasPrefix(tt.script, farther) {
			continue
		}
		if tt.name == "the server goes on" || tt.name == "the RST has an ACK" {
			continue // of a client that does so it is a race
		}
		checkCause(t, tt.name+", mirrored", near+mirror(strings.TrimPrefix(tt.script, far)), tt.want, "")
	}
}

// TestCausesMidstream: without the handshake a cause is the same, or not known; what
// proves it may be in what is missing. Nothing is said of what was received.
func TestCausesMidstream(t *testing.T) {
	for _, tt := range causes {
		if !strings.HasPrefix(tt.script, far) {
			continue
		}
		recs := script(t, tt.script)[3:]
		tb := teardown.NewTable(teardown.Config{})
		r := feed(tb, recs).Report()
		loose := tt.want == teardown.CauseMiddlebox || tt.want == teardown.CauseAbort || tt.want == teardown.CauseStateGone
		if r.Cause != tt.want && r.Cause != teardown.CauseUnknown && !loose {
			t.Errorf("%s, without handshake: %s, want %s: %s", tt.name, r.Cause, tt.want, r.Reason)
		}
		if strings.Contains(r.Reason, "received no data") {
			t.Errorf("%s, without handshake: %s", tt.name, r.Reason)
		}
	}
}

// TestSwapped: a connection whose sides change places is what it would have been.
func TestSwapped(t *testing.T) {
	for _, tt := range causes {
		var c teardown.Conn
		for _, r := range script(t, tt.script) {
			c.Add(r)
		}
		twice := c.Swapped().Swapped()
		a, b := c.Report(), twice.Report()
		if a.Reason != b.Reason || a.Cause != b.Cause || a.States != b.States || len(a.Segments) != len(b.Segments) {
			t.Errorf("%s: swapped twice: %s, was %s", tt.name, b.Reason, a.Reason)
		}
		once := c.Swapped().Report()
		if once.ClientBytes != a.ServerBytes || once.Client != a.Server || once.ResetBy != other(a.ResetBy) || once.ActiveCloser != other(a.ActiveCloser) {
			t.Errorf("%s: swapped: %+v", tt.name, once)
		}
	}
}

func other(w teardown.Who) teardown.Who {
	switch w {
	case teardown.Client:
		return teardown.Server
	case teardown.Server:
		return teardown.Client
	}
	return w
}
