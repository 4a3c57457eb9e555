package teardown_test

import (
	"testing"

	"lastack/harness/teardown"
)

// fars is a server, seen from near the client, that counts its packets.
const fars = farther + "150 c ACK ttl=64 id=11\n"

// ownCauses are RSTs whose sender, or whose reason, one segment more tells.
var ownCauses = []struct {
	name, script string
	want         teardown.Cause
	has          string
}{
	// FIN_WAIT_2 that a timer ends: no FIN and no other segment comes.
	{"FIN_WAIT_2 ends with a RST", "0 c SYN\n20 s SYN+ACK\n20.1 c ACK\n21 c PSH+ACK len=164\n41 s ACK\n960 c FIN+ACK\n980 s ACK\n120989 c RST+ACK\n", teardown.CauseFinWait2, "120 s before"},
	{"a tick after it", "0 c SYN\n0.1 s SYN+ACK\n0.2 c ACK\n1 c PSH+ACK len=51\n1.1 c PSH+FIN+ACK len=112\n1.2 s ACK\n120000 s ACK seq=0 len=1\n120000.1 c ACK\n240001 s ACK seq=0 len=1\n240522 c RST\n", teardown.CauseFinWait2, "240.5 s before"},
	{"no limit of FIN_WAIT_2", "0 c SYN\n20 s SYN+ACK\n20.1 c ACK\n21 c PSH+ACK len=164\n41 s ACK\n50 c FIN+ACK\n70 s ACK\n7070 c RST+ACK\n", teardown.CauseAbort, "did not wait for the server's FIN"},
	{"gave up with a FIN", "0 c SYN\n20 s SYN+ACK\n20.1 c ACK\n21 c PSH+ACK len=164\n41 s ACK\n9021 c FIN+ACK\n9041 s ACK\n9041.1 c RST+ACK\n", teardown.CauseGaveUp, "had waited 9 s"},

	// A side that sent something a moment ago knows the connection.
	{"its own next ID", farther + "150 s ACK ttl=58 id=1005\n170 c PSH+ACK len=40 ttl=64 id=11\n190 s RST ttl=58 id=1006\n", teardown.CauseAbort, "unread"},
	{"sent a moment ago", far + "150 c PSH+ACK len=40\n170 s RST\n", teardown.CauseUnknown, "middlebox"},
	{"sent long ago", far + "1300 c PSH+ACK len=40\n1320 s RST\n", teardown.CauseStateGone, ""},

	// A number that is the segment's and not its sender's next is an answer, however late.
	{"an answer that is late", "0 c PSH+ACK seq=1 ack=1 len=41\n280 s ACK seq=112 ack=42\n7000 c PSH+ACK seq=42 ack=1 len=76\n7000.1 c FIN+ACK seq=118 ack=1\n7297 s RST seq=1\n7297.1 s RST seq=1\n", teardown.CauseStateGone, "answered the FIN"},
	{"its own next number, late", "0 c PSH+ACK seq=1 ack=1 len=41\n280 s ACK seq=1 ack=42\n7000 c PSH+ACK seq=42 ack=1 len=76\n7297 s RST seq=1\n", teardown.CauseAbort, ""},

	// The endpoint's RST, and after it the device's.
	{"first the endpoint's RST", farther + "200 s PSH+ACK len=31 ttl=58 id=1005\n200.1 s FIN+ACK ttl=58 id=1006\n201 c PSH+ACK len=94 ack=4001 ttl=64 id=11\n221 s RST seq=4001 ttl=58 id=1007\n221.1 c ACK ack=4032 ttl=64 id=12\n221.2 s RST+ACK seq=4032 ttl=255 id=50000\n", teardown.CauseDataAfterClose, "94 bytes"},
	{"the device's RST alone", farther + "200 s PSH+ACK len=31 ttl=58 id=1005\n200.1 s FIN+ACK ttl=58 id=1006\n201 c PSH+ACK len=94 ack=4001 ttl=64 id=11\n221.1 c ACK ack=4032 ttl=64 id=12\n221.2 s RST+ACK seq=4032 ttl=251 id=50000\n", teardown.CauseMiddlebox, "TTL"},

	// Data behind a RST refutes it if it is the same host's.
	{"foreign data behind it", fars + "300 s RST+ACK ttl=58 id=1005\n1300 s PSH+ACK seq=5035 len=112 ttl=64 id=1\n", teardown.CauseAbort, "aborted"},
	{"foreign data before and behind it", farther + "140 s PSH+ACK seq=4501 len=112 ttl=64 id=1\n150 s PSH+ACK seq=4001 len=100 ttl=58 id=1005\n150.1 c ACK ack=4101\n300 s RST+ACK seq=4101 ttl=58 id=1006\n1300 s PSH+ACK seq=5035 len=112 ttl=64 id=20000\n", teardown.CauseAbort, "aborted"},
	{"its own data behind it", fars + "300 s RST+ACK ttl=58 id=1005\n301 s PSH+ACK len=112 ttl=58 id=1006\n", teardown.CauseMiddlebox, "goes on"},

	// A device that answers with the header that it was given.
	{"the ID of the other side", farther + "150 c PSH+ACK len=200 ttl=64 id=11\n150.1 c PSH+ACK len=200 ttl=64 id=12\n170 s ACK ttl=58 id=7000\n190 s RST ttl=58 id=11\n", teardown.CauseMiddlebox, "identification is that of a segment"},

	// Data to which no answer is due.
	{"an ACK of the application", chat + "2000 c PSH+ACK len=7\n2020 s ACK\n2800 c RST+ACK\n", teardown.CauseAbort, ""},
	{"a request", chat + "2000 c PSH+ACK len=29\n2020 s ACK\n2800 c RST+ACK\n", teardown.CauseGaveUp, ""},
	{"an ACK of the application, then a FIN", chat + "2000 c PSH+ACK len=7\n2020 s ACK\n2800 c FIN+ACK\n2820 s PSH+ACK len=43\n2820.1 c RST\n", teardown.CauseDataAfterClose, ""},
	{"a command into a stream", streaming + "705 c PSH+ACK len=18\n725 s ACK\n1205 c RST+ACK\n", teardown.CauseAbort, ""},
	{"a request after a stream", streaming + "7000 c PSH+ACK len=18\n7020 s ACK\n7500 c RST+ACK\n", teardown.CauseGaveUp, ""},
}

// chat has messages of 7 bytes that nobody answers before the client's next.
const chat = far + `100 c PSH+ACK len=29
120 s PSH+ACK len=43
121 c PSH+ACK len=7
122 c PSH+ACK len=29
142 s PSH+ACK len=43
143 c PSH+ACK len=7
144 c PSH+ACK len=20
144.1 c PSH+ACK len=43
164 s PSH+ACK len=20
`

// streaming is a server that sends unasked.
const streaming = far + `100 s PSH+ACK len=112
160 s PSH+ACK len=112
220 s PSH+ACK len=112
280 s PSH+ACK len=112
340 s PSH+ACK len=112
400 s PSH+ACK len=112
460 s PSH+ACK len=112
520 s PSH+ACK len=112
580 s PSH+ACK len=112
640 s PSH+ACK len=112
700 s PSH+ACK len=112
`

func TestCausesOwn(t *testing.T) {
	for _, tt := range ownCauses {
		checkCause(t, tt.name, tt.script, tt.want, tt.has)
	}
}

// TestCausesOwnSwapped: sides that change places and back tell what they told.
func TestCausesOwnSwapped(t *testing.T) {
	for _, tt := range ownCauses {
		var c teardown.Conn
		for _, r := range script(t, tt.script) {
			c.Add(r)
		}
		a, b := c.Report(), c.Swapped().Swapped().Report()
		if a.Cause != b.Cause || a.Reason != b.Reason {
			t.Errorf("%s: swapped twice: %s, %s; was %s, %s", tt.name, b.Cause, b.Reason, a.Cause, a.Reason)
		}
	}
}
