package closepath

import (
	"fmt"
	"slices"
	"testing"

	"lastack/stack/segment"
)

// again lists what the wire sees within a minute in which netstack is silent.
func (r *rig) again() (seen []string) {
	for range 6000 {
		r.pass(10 * ms)
		for _, s := range r.sent() {
			seen = append(seen, fmt.Sprintf("%d+%d", s.Seq-hostISN, s.PayloadLen))
		}
	}
	return seen
}

// TestTail: where netstack is silent, the last segment goes again, and then the first that is
// not acknowledged, as a peer that cannot report what it misses needs.
func TestTail(t *testing.T) {
	r := newRig(t, false)
	r.shakeHands(true)
	r.write(psh, 1, 1, 100)
	r.write(psh, 101, 1, 100)
	r.write(psh, 201, 1, 100)
	r.sent()
	got := r.again()
	if len(got) < 4 || got[0] != "201+100" || slices.ContainsFunc(got[1:], func(s string) bool { return s != "1+100" }) {
		t.Errorf("sent again: %v", got)
	}
	r.deliver(ack, 1, 151, 0) // in the middle of the second
	got = r.again()
	if len(got) < 4 || got[0] != "201+100" || slices.ContainsFunc(got[1:], func(s string) bool { return s != "151+50" }) {
		t.Errorf("sent again: %v", got)
	}
	r.deliver(ack, 1, 301, 0)
	if got := r.again(); len(got) > 0 {
		t.Errorf("sent again though all is acknowledged: %v", got)
	}
}

// TestTailBound: no more segments are kept than maxOthers, the oldest least. Where the first is
// not known, the last goes again.
func TestTailBound(t *testing.T) {
	r := newRig(t, false)
	r.shakeHands(true)
	for i := range maxOthers + 5 {
		r.write(psh, 1+100*segment.Seq(i), 1, 100)
	}
	r.sent()
	f := r.ep.flows.lookup(r.tuple(true))
	if n := len(f.finishing.tail.others); n != maxOthers {
		t.Errorf("%d are kept, want %d", n, maxOthers)
	}
	last := fmt.Sprintf("%d+100", 1+100*(maxOthers+4))
	got := r.again()
	if len(got) < 3 || slices.ContainsFunc(got, func(s string) bool { return s != last }) {
		t.Errorf("sent again: %v, want %s", got, last)
	}
	r.write(psh, 1, 1, 100) // netstack's recovery, and in vain
	r.sent()
	for range 5 {
		got = append(got, r.again()...)
	}
	if got[len(got)-1] != "1+100" {
		t.Errorf("sent again: %v", got)
	}
}
