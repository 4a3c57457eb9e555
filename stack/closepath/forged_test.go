package closepath

import (
	"testing"

	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// inject delivers bytes as they are.
func (r *rig) inject(b []byte, views ...int) {
	buf := buffer.Buffer{}
	for _, n := range append(views, len(b)) {
		n = min(n, len(b))
		_ = buf.Append(buffer.NewViewWithData(b[:n]))
		b = b[n:]
	}
	protocol := header.IPv4ProtocolNumber
	if r.v6 {
		protocol = header.IPv6ProtocolNumber
	}
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buf})
	r.wireEnd.InjectInbound(protocol, pkt)
	pkt.DecRef()
}

// TestForged: segments that TCP refuses take nothing away from a connection: what is held
// stays held, and TIME_WAIT comes with the right numbers.
func TestForged(t *testing.T) {
	for name, forge := range map[string]func(r *rig) (*segment.Segment, int){
		"none":                      func(*rig) (*segment.Segment, int) { return nil, 0 },
		"RST in the window":         func(r *rig) (*segment.Segment, int) { return r.seg(false, rst, 300, 0), 0 },
		"an old RST":                func(r *rig) (*segment.Segment, int) { return r.seg(false, rst, 1, 0), 0 },
		"FIN far ahead":             func(r *rig) (*segment.Segment, int) { return r.seg(false, fin, 1<<30, 1), 0 },
		"FIN behind a gap":          func(r *rig) (*segment.Segment, int) { return r.seg(false, fin, 300, 1), 0 },
		"an old FIN":                func(r *rig) (*segment.Segment, int) { return r.seg(false, fin, 2, 1), 0 },
		"a byte far ahead":          func(r *rig) (*segment.Segment, int) { return r.seg(false, psh, 1<<30, 1), 1 },
		"SYN":                       func(r *rig) (*segment.Segment, int) { return r.seg(false, syn, 1<<29, 0), 0 },
		"ACK of what was not sent":  func(r *rig) (*segment.Segment, int) { return r.seg(false, ack, 11, 1<<20), 0 },
		"data with an old time":     func(r *rig) (*segment.Segment, int) { s := r.seg(false, psh, 11, 1); s.TSVal -= 900; return s, 5 },
		"FIN without the ACK flag":  func(r *rig) (*segment.Segment, int) { return r.seg(false, segment.FIN, 11, 0), 0 },
		"an ACK from long ago":      func(r *rig) (*segment.Segment, int) { return r.seg(false, ack, 11, 0xfffd_0000), 0 },
		"SYN+ACK":                   func(r *rig) (*segment.Segment, int) { return r.seg(false, synAck, 1<<29, 1), 0 },
		"RST+ACK beside the window": func(r *rig) (*segment.Segment, int) { return r.seg(false, rst|ack, 600, 1), 0 },
	} {
		t.Run(name, func(t *testing.T) {
			eachFamily(t, func(t *testing.T, r *rig) {
				r.connect()
				r.deliver(psh, 1, 1, 10)
				r.write(ack, 1, 11, 0) // held
				if s, n := forge(r); s != nil {
					r.deliverSegment(s, n)
				}
				r.sent()
				if f := r.ep.flows.lookup(r.tuple(true)); f == nil || f.ack.buf == nil {
					t.Fatal("the flow, or the ACK that it held, is gone")
				}
				r.write(fin, 1, 11, 0)
				r.deliver(fin, 11, 2, 0)
				r.write(ack, 2, 12, 0)
				rec, ok := r.ep.TimeWait(r.tuple(true))
				if !ok || rec.SndNxt != hostISN+2 || rec.RcvNxt != peerISN+12 {
					t.Errorf("TIME_WAIT %v, record %+v", ok, rec)
				}
			})
		})
	}
}

// TestBadChecksum: nobody believes what netstack will drop.
func TestBadChecksum(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		for _, flags := range []segment.Flags{rst, fin, psh} {
			b := segment.Append(nil, r.seg(false, flags, 1, 1), []byte("x"))
			b[len(b)-1] ^= 1
			r.inject(b)
		}
		b := segment.Append(nil, r.seg(false, syn, 0, 0), nil)
		b[len(b)-1] ^= 1 // a SYN on another tuple would begin a flow
		r.inject(b)
		if n := r.ep.Flows(); n != 1 {
			t.Errorf("%d flows", n)
		}
		r.delivered = nil
		r.closeByHost()
		if n := r.ep.TimeWaits(); n != 1 {
			t.Errorf("%d in TIME_WAIT", n)
		}
	})
}

// TestCutShort: a packet that ends before its header says is netstack's to drop, and
// panics nowhere, whatever stage would have changed it.
func TestCutShort(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		_ = r.set.SetInt(tunable.Timestamps, 0)
		for n := range 80 {
			for _, flags := range []segment.Flags{syn, ack, fin, psh, rst} {
				r.peerPort++
				r.connect()
				b := segment.Append(nil, r.seg(false, flags, 1, 1), []byte("data"))
				r.inject(b[:min(n, len(b))])
				r.sent()
			}
		}
	})
}

// TestOptionsInAnotherView are read all the same.
func TestOptionsInAnotherView(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		head := 40
		if r.v6 {
			head = 60
		}
		r.inject(segment.Append(nil, r.seg(false, syn, 0, 0), nil), head)
		r.write(synAck, 0, 1, 0)
		r.inject(segment.Append(nil, r.seg(false, ack, 1, 1), nil), head)
		f := r.ep.flows.lookup(r.tuple(true))
		if f == nil || !f.conn.Timestamps() {
			t.Fatal("the SYN's timestamps were not read")
		}
		if ts, _ := f.conn.TSRecent(f.host); ts != r.ts {
			t.Errorf("TS.Recent %d, want %d", ts, r.ts)
		}
	})
}
