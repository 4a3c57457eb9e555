package closepath

import (
	"testing"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// TestStaleConnectionBesideAForgedSYN: the host has reset a connection, and the RST was
// lost. A forged SYN begins a handshake on the same 4-tuple. What the peer says of the old
// connection is answered with a RST, as by Linux. netstack would take it for the answer to
// a SYN cookie of the old connection, put the handshake on the old numbers, and answer the
// peer's FIN for ever with an acknowledgment that the peer ignores.
func TestStaleConnectionBesideAForgedSYN(t *testing.T) {
	for name, forged := range map[string]segment.Seq{"in SYN_RECEIVED": 1 << 30, "which would be ESTABLISHED": 0xffff_ff38} {
		t.Run(name, func(t *testing.T) {
			s := newSiege(t, besiegedHow{scale: true, cookies: true, total: 100})
			p := s.peer
			p.open()
			s.settle()
			p.transmit(100) // the echo makes both sides' numbers grow alike, as the cookie's
			s.pass(10 * time.Millisecond)
			s.conn.SocketOptions().SetLinger(tcpip.LingerOption{Enabled: true})
			s.loseOut = 1
			s.conn.Close()
			s.gone = true
			s.settle()
			none := tcpip.TCPAlwaysUseSynCookies(false)
			_ = s.net.SetTransportProtocolOption(tcp.ProtocolNumber, &none)
			s.pass(time.Millisecond)
			s.loseOut = 1
			s.deliver(segment.Append(nil, &segment.Segment{
				Tuple: s.tuple.Reverse(), Version: 4, Flags: syn, Seq: p.isn + forged, Window: 65535,
			}, nil))
			s.settle()
			p.finish = true
			p.transmit(0)
			s.pass(10 * time.Second)
			if !p.reset {
				t.Errorf("the peer still has the connection\n%s", s.show())
			}
		})
	}
}

// TestForgedBehindAFIN: what lies beyond the peer's FIN moves the host from no state.
func TestForgedBehindAFIN(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.write(fin, 1, 1, 0)
		r.deliver(ack, 1, 2, 0)
		r.deliver(fin, 200, 1, 0) // forged, as if it crossed the host's FIN
		r.deliver(psh, 300, 1, 10)
		f := r.ep.flows.lookup(r.tuple(true))
		if f == nil || f.conn.State(f.host) != flow.FinWait2 {
			t.Fatalf("the host left FIN_WAIT_2 for a forged FIN")
		}
		r.write(ack, 2, 1, 0)
		r.sent()
		r.deliver(fin, 1, 2, 0)
		r.write(ack, 2, 2, 0)
		r.wire("ACK 2/2") // the last ACK is not held
		if rec, ok := r.ep.TimeWait(r.tuple(true)); !ok || rec.RcvNxt != peerISN+2 {
			t.Errorf("TIME_WAIT %v, record %+v", ok, rec)
		}
	})
}

// TestForgedBeforeTheLastACK: the peer's FIN has come, and netstack has not answered yet.
func TestForgedBeforeTheLastACK(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.write(fin, 1, 1, 0)
		r.deliver(ack, 1, 2, 0)
		r.deliver(fin, 1, 2, 0)
		r.deliver(ack, 2, 1<<20, 0)
		r.sent()
		r.write(ack, 2, 2, 0)
		if rec, ok := r.ep.TimeWait(r.tuple(true)); !ok || rec.SndNxt != hostISN+2 {
			t.Errorf("TIME_WAIT %v, record %+v", ok, rec)
		}
	})
}

// TestForgedBehindACookie: the peer has completed the handshake, and netstack has said
// nothing yet. A forged ACK is no reason to reset the peer.
func TestForgedBehindACookie(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.synCookie()
		r.deliver(ack, 1, 1, 0)
		r.deliver(ack, 0xffff_f000, 1, 0)
		r.wire("ACK 1/1")
		if r.ep.Flows() != 1 {
			t.Error("the connection is not followed any more")
		}
	})
}

// TestCookieForAPlainPeer: one that offers neither a window scale nor SACK may have got a
// cookie, too.
func TestCookieForAPlainPeer(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.deliver(syn, 0, 0, 0)
		s := r.seg(true, synAck, 0, 1)
		s.SACKPermitted = false
		r.writeSegment(s, 0)
		got := r.numbered()
		r.deliver(psh, 101, 1, 100)
		r.pass(keepEvery)
		r.received(got)
		r.registered = true
		r.pass(keepEvery)
		r.received(got, "PSH+ACK 101/1+100")
	})
}

// TestForgedDataBehindAFIN: a FIN with data behind a gap is not forgotten for data that
// come from beyond it, nor for a FIN there.
func TestForgedDataBehindAFIN(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.open()
		got := r.numbered()
		r.deliver(fin, 101, 1, 100)
		r.deliver(fin, 300, 1, 0)
		r.deliver(psh, 400, 1, 50)
		r.received(got, "ACK 101/1+100", "ACK 300/1+0", "PSH+ACK 400/1+50")
		r.deliver(psh, 1, 1, 100)
		r.write(ack, 1, 201, 0)
		r.pass(0)
		r.received(got, "PSH+ACK 1/1+100", "FIN+ACK 201/1+0")
		f := r.ep.flows.lookup(r.tuple(true))
		if f == nil || f.conn.State(f.host) != flow.CloseWait || f.conn.RcvNxt(f.host) != peerISN+202 {
			t.Fatal("the host has not taken the FIN")
		}
	})
}

// TestForgedBeforeTheSYNACK: the host has not answered the SYN yet, so nobody can know its
// numbers.
func TestForgedBeforeTheSYNACK(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.deliver(syn, 0, 0, 0)
		r.arrived("SYN")
		r.deliver(fin, 1<<29, 1<<20, 0)
		r.arrived() // netstack would see whether it fits a SYN cookie
		if s := r.sent(); len(s) != 1 || s[0].Flags != rst || s[0].Seq-hostISN != 1<<20 {
			t.Fatalf("the answer is %v", s)
		}
		r.write(synAck, 0, 1, 0)
		r.deliver(fin, 1<<29, 1<<20, 0)
		r.deliver(ack, 1, 1, 0)
		r.arrived("ACK")
		f := r.ep.flows.lookup(r.tuple(true))
		if f == nil || f.conn.State(f.host) != flow.Established || f.conn.Una(f.host) != hostISN+1 || f.conn.RcvNxt(f.host) != peerISN+1 {
			t.Fatal("the connection has other numbers than the handshake")
		}
	})
}
