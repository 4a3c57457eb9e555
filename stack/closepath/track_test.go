package closepath

import (
	"testing"
	"time"
)

// TestSYNACKTwice: a SYN-ACK that comes twice before netstack acknowledges it is answered by
// that acknowledgment alone. One of nothing would draw a RST, which nobody could tell from a
// true one, and the connection would be followed no more.
func TestSYNACKTwice(t *testing.T) {
	r := newRig(t, false)
	r.write(syn, 0, 0, 0)
	r.sent()
	r.deliver(synAck, 0, 1, 0)
	r.deliver(synAck, 0, 1, 0)
	r.wire()
	s := r.seg(false, rst, 0, 0)
	s.Seq = 0 // as the answer to an acknowledgment of 0
	r.deliverSegment(s, 0)
	r.write(ack, 1, 1, 0)
	r.wire("ACK 1/1")
	r.pass(time.Minute)
	r.deliver(synAck, 0, 1, 0)
	r.wire("ACK 1/1") // RFC 5961 4
	if !r.ep.Follows(r.tuple(true)) {
		t.Error("the connection is followed no more")
	}
}
