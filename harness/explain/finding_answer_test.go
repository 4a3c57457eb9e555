package explain

import (
	"strings"
	"testing"
)

// TestRefusalIsNoAnswer: a host that refuses some SYNs and is silent on others has no backlog
// that is full.
func TestRefusalIsNoAnswer(t *testing.T) {
	const silent, refused, accepted = "0 c SYN\n1000 c SYN seq=0\n4000 c SYN seq=0\n", "0 c SYN\n1 s RST+ACK\n", "0 c SYN\n1 s SYN+ACK\n2 c ACK\n"
	if got := saidOf(t, FindSYN, silent, refused, silent); strings.Contains(got, "backlog") || !strings.Contains(got, "1 other was refused, so nothing listens there") {
		t.Errorf("beside a refusal: %s", got)
	}
	if got := saidOf(t, FindSYN, silent, refused, accepted, silent); !strings.Contains(got, "1 other was answered") || !strings.Contains(got, "backlog") {
		t.Errorf("beside an answer: %s", got)
	}
}

// TestRepeatedIsNotQuiet: who sends the same again waits for an answer, and keep-alive would
// not help.
func TestRepeatedIsNotQuiet(t *testing.T) {
	const again = talked + "6000 c PSH+ACK len=9\n6300 c PSH+ACK seq=101 len=9\n7000 c PSH+ACK seq=101 len=9\n8400 c PSH+ACK seq=101 len=9\n11200 c PSH+ACK seq=101 len=9\n11201 s RST\n"
	got := saidOf(t, FindHalfOpen, again)
	if strings.Contains(got, "quiet") || strings.Contains(got, "keep-alive") || !strings.Contains(got, "the same again") {
		t.Errorf("%s", got)
	}
	const idle = talked + "600000 c PSH+ACK len=9\n600001 s RST\n"
	if got := saidOf(t, FindHalfOpen, again, idle); !strings.Contains(got, "2 of 2") || !strings.Contains(got, "quiet for 10 min") {
		t.Errorf("%s", got)
	}
}

// TestProbeMeetsNothing: what came too late need not have been a FIN.
func TestProbeMeetsNothing(t *testing.T) {
	got := saidOf(t, FindForgotten, talked+"3 c FIN+ACK\n4 s ACK\n90000 s ACK seq=1000\n90001 c RST\n")
	if strings.Contains(got, "had a FIN") || !strings.Contains(got, "FIN_WAIT_2") {
		t.Errorf("%s", got)
	}
}
