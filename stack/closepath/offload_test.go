package closepath

import (
	"testing"
	"time"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// With offload, segments of many times the MSS pass with unfinished checksums.

// largeOptions is how netstack and the link endpoint mark such a segment.
func (r *rig) largeOptions() netstack.GSO {
	g := netstack.GSO{
		Type: netstack.GSOTCPv4, NeedsCsum: true, CsumOffset: header.TCPChecksumOffset,
		MSS: mss - 12, L3HdrLen: header.IPv4MinimumSize, MaxSize: 65535,
	}
	if r.v6 {
		g.Type, g.L3HdrLen = netstack.GSOTCPv6, header.IPv6MinimumSize
	}
	return g
}

// unfinished leaves a packet's checksum undone.
func unfinished(b []byte) []byte {
	p, err := segment.Parse(b)
	if err != nil {
		panic(err)
	}
	src, dst := b[12:16], b[16:20]
	if p.Version == 6 {
		src, dst = b[8:24], b[24:40]
	}
	tcp := header.TCP(b[p.TCPStart:])
	tcp.SetChecksum(header.PseudoHeaderChecksum(header.TCPProtocolNumber,
		tcpip.AddrFromSlice(src), tcpip.AddrFromSlice(dst), uint16(len(tcp))))
	return b
}

// writeLarge has netstack send a segment with n bytes of data, headers and data in
// views of their own.
func (r *rig) writeLarge(flags segment.Flags, seq, ackNo segment.Seq, n int) {
	r.t.Helper()
	b := unfinished(segment.Append(nil, r.seg(true, flags, seq, ackNo), make([]byte, n)))
	head := len(b) - n
	buf, data := buffer.MakeWithData(b[:head]), buffer.MakeWithData(b[head:])
	buf.Merge(&data)
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buf})
	pkt.GSOOptions = r.largeOptions()
	var l netstack.PacketBufferList
	l.PushBack(pkt)
	if sent, err := r.ep.WritePackets(l); err != nil || sent != 1 {
		r.t.Fatalf("WritePackets: %d, %v", sent, err)
	}
	l.DecRef()
}

func (r *rig) deliverLarge(flags segment.Flags, seq, ackNo segment.Seq, n int) {
	b := unfinished(segment.Append(nil, r.seg(false, flags, seq, ackNo), make([]byte, n)))
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buffer.MakeWithData(b)})
	pkt.GSOOptions = r.largeOptions()
	protocol := header.IPv4ProtocolNumber
	if r.v6 {
		protocol = header.IPv6ProtocolNumber
	}
	r.wireEnd.InjectInbound(protocol, pkt)
	pkt.DecRef()
}

// out is a packet that the wire saw.
type out struct {
	segment.Segment
	left netstack.GSO
	sum  string // "unfinished", "complete" or "wrong"
}

// sentLarge takes what the wire saw since the last call.
func (r *rig) sentLarge(n int) []out {
	r.t.Helper()
	var all []out
	for pkt := r.wireEnd.Read(); pkt != nil; pkt = r.wireEnd.Read() {
		v := pkt.ToView()
		b := v.AsSlice()
		s, err := segment.Parse(b)
		if err != nil {
			r.t.Fatal(err)
		}
		o := out{Segment: s, left: pkt.GSOOptions, sum: "wrong"}
		tcp := header.TCP(b[s.TCPStart:])
		switch was := tcp.Checksum(); {
		case s.ChecksumOK(b):
			o.sum = "complete"
		case header.TCP(unfinished(b)[s.TCPStart:]).Checksum() == was:
			o.sum = "unfinished"
		}
		all = append(all, o)
		v.Release()
		pkt.DecRef()
	}
	if len(all) != n {
		r.t.Fatalf("the wire saw %d segments, want %d", len(all), n)
	}
	return all
}

// A large segment counts as the several that it stands for.
func TestLargeSegmentIsAcknowledgedAtOnce(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliverLarge(psh, 1, 1, 20000)
		r.write(ack, 1, 20001, 0)
		r.wire("ACK 1/20001")
		r.deliver(psh, 20001, 1, 100) // less than one
		r.write(ack, 1, 20101, 0)
		r.wire()
		r.pass(40 * time.Millisecond)
		r.wire("ACK 1/20101")
	})
}

// The ACK of a FIN that came with the last of a large segment is carried by a
// large segment with the host's own FIN, whose timestamp is rewritten for it.
func TestFINWithLargeSegment(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliver(psh, 1, 1, 100)
		r.write(ack, 1, 101, 0) // held, with its own timestamp
		r.wire()
		held := r.ts
		r.deliverLarge(fin|segment.PSH, 101, 1, 300) // unfinished, if not large
		r.writeLarge(fin|segment.PSH, 1, 402, 30000)
		o := r.sentLarge(1)[0]
		if o.TSEcr != held || o.sum != "unfinished" || o.left != r.largeOptions() || o.PayloadLen != 30000 {
			t.Errorf("went out with TSecr %d, checksum %s, %d bytes, %+v; want the held ACK's %d, unfinished, 30000, %+v",
				o.TSEcr, o.sum, o.PayloadLen, o.left, held, r.largeOptions())
		}
		r.deliver(ack, 402, 30002, 0)
		if n := r.ep.Flows(); n != 0 {
			t.Errorf("%d flows are left of a connection that is closed", n)
		}
	})
}

// The host closes first behind a large segment, and TIME_WAIT answers for it with
// a checksum that is complete.
func TestTimeWaitBehindLargeSegment(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.writeLarge(fin|segment.PSH, 1, 1, 50000)
		r.deliver(fin, 1, 50002, 0)
		r.writeLarge(ack, 50002, 2, 0)
		for i, o := range r.sentLarge(2) {
			if o.sum != "unfinished" {
				t.Errorf("segment %d has a checksum that is %s, want unfinished", i, o.sum)
			}
		}
		r.deliver(fin, 1, 50002, 0)
		o := r.sentLarge(1)[0]
		if o.Ack-peerISN != 2 || o.Seq-hostISN != 50002 || o.sum != "complete" || o.left != (netstack.GSO{}) {
			t.Errorf("TIME_WAIT answered %s with a checksum that is %s and %+v", o.String(), o.sum, o.left)
		}
	})
}

// A double is cut up like the first. A corrupt one must not have its harm summed up
// with the rest by who completes it.
func TestLargeSegmentImpaired(t *testing.T) {
	for action, want := range map[string][]string{
		"duplicate the 1st segment with data from host": {"unfinished", "unfinished"},
		"corrupt the 1st segment with data from host":   {"wrong"},
	} {
		eachFamily(t, func(t *testing.T, r *rig) {
			r.impair(action)
			r.connect()
			r.writeLarge(psh, 1, 1, 30000)
			for i, o := range r.sentLarge(len(want)) {
				left := r.largeOptions()
				if want[i] == "wrong" {
					left = netstack.GSO{}
				}
				if o.sum != want[i] || o.left != left || o.PayloadLen != 30000 {
					t.Errorf("%s: number %d has a checksum that is %s, %d bytes and %+v", action, i, o.sum, o.PayloadLen, o.left)
				}
			}
		})
	}
}

// Incoming, a corrupt segment ends where its checksum would have been found wrong.
func TestLargeSegmentCorruptedIn(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.wireEnd.LinkEPCapabilities = netstack.CapabilityRXChecksumOffload
		r.impair("corrupt the 1st segment with data from peer")
		r.connect()
		r.delivered = nil
		r.deliverLarge(psh, 1, 1, 30000)
		r.arrived()
		r.deliverLarge(psh, 1, 1, 30000) // sent again
		r.arrived("PSH+ACK (bad checksum)")
	})
}

// A recording has whole checksums.
func TestRecordedLargeSegment(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		seen := 0
		r.ep.tap = func(e *Event) {
			seen++
			if b := e.AppendPacket([]byte("x"))[1:]; !e.Seg.ChecksumOK(b) {
				t.Errorf("%s %s at the %s has a wrong checksum in the recording", e.Dir, e.Seg, e.Point)
			}
		}
		r.writeLarge(psh, 1, 1, 30000)
		r.deliverLarge(psh, 1, 30001, 30000)
		if seen < 2 {
			t.Errorf("the tap saw %d segments", seen)
		}
	})
}
