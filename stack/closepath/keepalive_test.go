package closepath

import (
	"testing"
	"time"
)

// TestKeepAliveGivenUp: netstack gives a connection up in silence; the peer is told.
func TestKeepAliveGivenUp(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		for range 2 {
			r.write(ack, 0, 1, 0)
			r.pass(time.Second)
		}
		r.wire("ACK 0/1", "ACK 0/1")
		r.alive = false
		r.pass(50 * ms) // netstack was busy
		r.wire("RST+ACK 1/1")
		if n := r.ep.Flows(); n != 0 {
			t.Errorf("%d flows left", n)
		}
	})
}

// TestKeepAliveGivenUpAtOnce: after a single probe nobody knows when.
func TestKeepAliveGivenUpAtOnce(t *testing.T) {
	r := newRig(t, false)
	r.open()
	r.write(ack, 0, 1, 0)
	r.pass(time.Minute)
	r.alive = false
	r.pass(8 * time.Second)
	r.wire("ACK 0/1", "RST+ACK 1/1")
}

// TestKeepAliveAnswered: an answer, or data of the host's, end the watch.
func TestKeepAliveAnswered(t *testing.T) {
	for name, end := range map[string]func(r *rig){
		"an answer": func(r *rig) { r.deliver(ack, 1, 1, 0) },
		"data":      func(r *rig) { r.write(psh, 1, 1, 10); r.deliver(ack, 1, 11, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, false)
			r.open()
			r.write(ack, 0, 1, 0)
			end(r)
			r.sent()
			r.alive = false
			r.pass(10 * time.Second)
			r.wire()
		})
	}
}
