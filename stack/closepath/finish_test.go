package closepath

import (
	"slices"
	"testing"
	"time"

	"lastack/stack/segment"
)

// shakeHands runs a handshake over a round trip of 10 ms.
func (r *rig) shakeHands(sack bool) {
	r.t.Helper()
	for _, out := range []bool{false, true} {
		flags, ackNo := syn, segment.Seq(0)
		if out {
			flags, ackNo = synAck, 1
		}
		s := r.seg(out, flags, 0, ackNo)
		s.SACKPermitted = sack
		if out {
			r.writeSegment(s, 0)
		} else {
			r.deliverSegment(s, 0)
		}
	}
	r.pass(10 * ms)
	r.deliver(ack, 1, 1, 0)
	r.wire("SYN+ACK 0/1")
}

// TestFINUnheard: a FIN that nobody acknowledges goes again by a timeout that the
// handshake's round trip gives (RFC 6298 2.2), and is given up when Linux gives it up with
// tcp_orphan_retries=1. With SACK, Linux takes the first copy for a probe of the tail.
func TestFINUnheard(t *testing.T) {
	for name, c := range map[string]struct {
		sack, netstack bool // netstack sends its own copies, at 200 ms, doubling
		copies         []time.Duration
		gone           time.Duration
	}{
		"plain":                 {copies: []time.Duration{200 * ms, 600 * ms}, gone: 1400 * ms},
		"plain, netstack's own": {netstack: true, copies: []time.Duration{200 * ms, 600 * ms}, gone: 1400 * ms},
		"SACK":                  {sack: true, copies: []time.Duration{200 * ms, 400 * ms, 800 * ms}, gone: 1600 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, false)
			if err := r.set.Set("net.ipv4.tcp_orphan_retries", "1"); err != nil {
				t.Fatal(err)
			}
			r.shakeHands(c.sack)
			r.delivered = nil
			r.write(fin, 1, 1, 0)
			r.wire("FIN+ACK 1/1")
			var copies []time.Duration
			own, wait := 200*ms, 200*ms
			for at := 10 * ms; at <= 3*time.Second; at += 10 * ms {
				r.pass(10 * ms)
				if c.netstack && at == own && len(r.delivered) == 0 {
					r.write(fin, 1, 1, 0)
					wait *= 2
					own += wait
				}
				if n := len(r.sent()); n > 0 {
					copies = append(copies, at.Truncate(100*ms))
				}
				if len(r.delivered) > 0 {
					if at.Truncate(100*ms) != c.gone {
						t.Errorf("given up after %v, want %v", at, c.gone)
					}
					break
				}
			}
			if !slices.Equal(copies, c.copies) {
				t.Errorf("went again after %v, want %v", copies, c.copies)
			}
			r.arrived("RST")
		})
	}
}

// TestFINAfterRepeatedSYN: a SYN-ACK that went twice measures nothing (Karn), and the first
// timeout is a second (RFC 6298 2.1).
func TestFINAfterRepeatedSYN(t *testing.T) {
	r := newRig(t, false)
	r.deliver(syn, 0, 0, 0)
	r.write(synAck, 0, 1, 0)
	r.pass(time.Second)
	r.write(synAck, 0, 1, 0)
	r.deliver(ack, 1, 1, 0)
	r.wire("SYN+ACK 0/1", "SYN+ACK 0/1")
	r.write(fin, 1, 1, 0)
	r.wire("FIN+ACK 1/1")
	r.pass(900 * ms)
	r.wire()
	r.pass(200 * ms)
	r.wire("FIN+ACK 1/1")
}
