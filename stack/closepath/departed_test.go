package closepath

import (
	"fmt"
	"testing"
	"time"

	"lastack/stack/segment"
)

// TestDepartedNumbers: netstack repeats the FIN of a connection that the chain is through
// with, and that has other numbers inside than on the wire: the wire sees its own, and
// netstack gets an acknowledgment that it knows.
func TestDepartedNumbers(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		inTimeWait(t, r)
		r.ep.tap = nil
		s := r.seg(false, syn, 9000, 0)
		r.deliverSegment(s, 0)
		peer := s.Seq - peerISN + 1
		own := segment.Seq(123_456_789) // netstack's ISN, relative to the old one
		iss := segment.Seq(2 + 65537)
		r.write(synAck, own, peer, 0)
		r.deliver(ack, peer, iss+1, 0)
		r.deliver(fin, peer, iss+1, 0)
		r.write(fin, own+1, peer+1, 0)
		r.deliver(ack, peer+1, iss+2, 0) // LAST_ACK is over
		if n := r.ep.Flows(); n != 0 {
			t.Fatalf("%d flows are left", n)
		}
		r.sent()
		r.write(fin, own+1, peer+1, 0)
		r.wire(fmt.Sprintf("FIN+ACK %d/%d", iss+1, peer+1))
		var heard segment.Segment
		r.toHost = func(s *segment.Segment, _ []byte) { heard = *s }
		r.registered, r.deaf = true, true
		r.deliver(ack, peer+1, iss+2, 0)
		if heard.Ack != hostISN+own+2 {
			t.Errorf("netstack heard %s, want ack %d", heard.String(), hostISN+own+2)
		}

		// Later the numbers mean nothing any more.
		r.pass(closedFor + time.Millisecond)
		r.sent()
		r.write(fin, own+1, peer+1, 0)
		r.wire(fmt.Sprintf("FIN+ACK %d/%d", own+1, peer+1))
	})
}

// TestDepartedInTimeWait: the same where the host is in TIME_WAIT, which answers netstack in
// the peer's name.
func TestDepartedInTimeWait(t *testing.T) {
	r := newRig(t, false)
	inTimeWait(t, r)
	s := r.seg(false, syn, 9000, 0)
	r.deliverSegment(s, 0)
	peer := s.Seq - peerISN + 1
	own := segment.Seq(123_456_789)
	iss := segment.Seq(2 + 65537)
	r.write(synAck, own, peer, 0)
	r.deliver(ack, peer, iss+1, 0)
	r.write(fin, own+1, peer, 0)
	r.deliver(fin, peer, iss+2, 0)
	r.write(ack, own+2, peer+1, 0)
	r.sent()
	var heard segment.Segment
	r.toHost = func(s *segment.Segment, _ []byte) { heard = *s }
	r.write(fin, own+1, peer, 0)
	r.pass(time.Millisecond)
	r.wire()
	if heard.Ack != hostISN+own+2 || heard.Seq != peerISN+peer+1 {
		t.Errorf("netstack heard %s, want ack %d", heard.String(), hostISN+own+2)
	}
}
