package teardown_test

import (
	"testing"

	"lastack/harness/teardown"
)

// TestTriesCountFromTheFirst: how long the same was sent is told from the first time on,
// not from the second.
func TestTriesCountFromTheFirst(t *testing.T) {
	const talked = "0 c SYN\n0.1 s SYN+ACK\n0.2 c ACK\n1 c PSH+ACK len=100\n2 s PSH+ACK len=1000\n2.1 c ACK\n"
	checkCause(t, "data", talked+"1000 c PSH+ACK len=50\n2000 c PSH+ACK seq=101 len=50\n4000 c PSH+ACK seq=101 len=50\n8000 c PSH+ACK seq=101 len=50\n16000 c PSH+ACK seq=101 len=50\n31000 c RST+ACK\n",
		teardown.CauseUser, "had sent the same 5 times in 30 s")
	checkCause(t, "FIN", talked+"1000 c FIN+ACK\n2000 c FIN+ACK seq=101\n4000 c FIN+ACK seq=101\n8000 c FIN+ACK seq=101\n16000 c FIN+ACK seq=101\n31000 c RST+ACK\n",
		teardown.CauseUser, "had sent the same 5 times in 30 s")
}
