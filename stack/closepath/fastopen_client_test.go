package closepath

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/stack/segment"
	"lastack/stack/tunable"
)

// askRig is a rig on which the host is a client; the test is netstack.
type askRig struct {
	*rig
	got []string // what netstack received
}

func newAskRig(r *rig) *askRig {
	a := &askRig{rig: r}
	r.toHost = func(s *segment.Segment, data []byte) {
		a.got = append(a.got, fmt.Sprintf("%s %d/%d+%d", s.Flags, s.Seq-peerISN, s.Ack-hostISN, len(data)))
	}
	return a
}

func eachAsk(t *testing.T, f func(t *testing.T, a *askRig)) {
	eachFamily(t, func(t *testing.T, r *rig) { f(t, newAskRig(r)) })
}

// received compares what netstack received since the last call.
func (a *askRig) received(want ...string) {
	a.t.Helper()
	a.pass(0)
	if !slices.Equal(a.got, want) {
		a.t.Fatalf("netstack received %q, want %q", a.got, want)
	}
	a.got = nil
}

// sends compares what the wire saw since the last call: "SYN 0/0+5 cookie".
func (a *askRig) sends(want ...string) {
	a.t.Helper()
	var got []string
	for _, s := range a.sent() {
		line := fmt.Sprintf("%s %d/%d+%d", s.Flags, s.Seq-hostISN, a.ackOff(&s), s.PayloadLen)
		switch {
		case s.Cookie.Len > 0:
			line += " cookie"
		case s.FastOpen != segment.NoFastOpen:
			line += " asks"
		}
		got = append(got, line)
	}
	if !slices.Equal(got, want) {
		a.t.Fatalf("on the wire: %q, want %q", got, want)
	}
}

func (a *askRig) ackOff(s *segment.Segment) segment.Seq {
	if !s.Flags.Has(ack) {
		return 0
	}
	return s.Ack - peerISN
}

// open has the host begin a connection with data, on a port of its own.
func (a *askRig) open(data string) {
	a.peerPort++
	withdraw := a.ep.Offer(a.tuple(true), []byte(data))
	a.write(syn, 0, 0, 0)
	withdraw()
}

// synAck has the server answer.
func (a *askRig) synAck(ackNo segment.Seq, cookie ...byte) {
	s := a.seg(false, synAck, 0, ackNo)
	s.HasWindowScale, s.WindowScale, s.Window = true, 2, 4000
	if len(cookie) > 0 {
		s.FastOpen = segment.FastOpenOption
		s.Cookie, _ = segment.MakeCookie(cookie)
	}
	a.deliverSegment(s, 0)
}

// opened is a connection whose SYN carried data that the server took, and whose
// handshake netstack has finished.
func (a *askRig) opened(data string) {
	a.t.Helper()
	a.open("x")
	a.synAck(1, 1, 2, 3, 4)
	a.sent()
	a.open(data)
	a.sends(fmt.Sprintf("SYN 0/0+%d cookie", len(data)))
	a.got = nil
	a.synAck(segment.Seq(1 + len(data)))
	a.received("SYN+ACK 0/1+0")
	a.write(ack, 1, 1, 0)
	a.sends(fmt.Sprintf("ACK %d/1+0", 1+len(data)))
}

// TestAskForCookie: the first connection asks for a cookie, and sends no data in
// its SYN; the second does. The SYN that comes again is a plain one.
func TestAskForCookie(t *testing.T) {
	eachAsk(t, func(t *testing.T, a *askRig) {
		a.open("hello")
		a.sends("SYN 0/0+0 asks")
		a.write(syn, 0, 0, 0)
		a.sends("SYN 0/0+0")
		a.synAck(1, 1, 2, 3, 4)
		a.received("SYN+ACK 0/1+0")
		a.write(ack, 1, 1, 0)
		a.write(psh, 1, 1, 5)
		a.sends("ACK 1/1+0", "PSH+ACK 1/1+5")
		a.open("hello")
		a.write(syn, 0, 0, 0)
		a.sends("SYN 0/0+5 cookie", "SYN 0/0+0")
		if c := a.ep.FastOpenCounts(); c != (FastOpenCounts{}) {
			t.Errorf("%+v", c)
		}
	})
}

// TestDataTaken: what the SYN-ACK has acknowledged, netstack sends in vain, and gets
// an ACK for; what it sends beyond goes its way.
func TestDataTaken(t *testing.T) {
	eachAsk(t, func(t *testing.T, a *askRig) {
		a.opened("hello")
		a.deliver(psh, 1, 6, 100) // the response, before netstack has sent anything
		a.received("PSH+ACK 1/1+100")
		a.write(ack, 1, 101, 0)
		a.pass(time.Second)
		a.sends("ACK 6/101+0")
		a.write(psh, 1, 101, 3)
		a.received("ACK 101/4+0")
		a.write(psh, 4, 101, 2)
		a.received("ACK 101/6+0")
		a.write(psh, 6, 101, 10)
		a.deliver(ack, 101, 16, 0)
		a.sends("PSH+ACK 6/101+10")
		a.received("ACK 101/16+0")
		if c := a.ep.FastOpenCounts(); c != (FastOpenCounts{Active: 1}) {
			t.Errorf("%+v", c)
		}
	})
}

// TestMadeUpACKOfData: it repeats the server's latest timestamp and its window on
// the scale that was agreed on, and has netstack measure the round trip there was.
func TestMadeUpACKOfData(t *testing.T) {
	a := newAskRig(newRig(t, false))
	a.open("x")
	a.synAck(1, 1, 2, 3, 4)
	a.open("hello")
	a.pass(70 * time.Millisecond)
	a.synAck(6)
	var seen segment.Segment
	a.toHost = func(s *segment.Segment, _ []byte) { seen = *s }
	a.write(psh, 1, 1, 5)
	a.pass(0)
	if seen.TSVal != a.ts || int32(77-seen.TSEcr) != 70 || seen.Window != 1000 {
		t.Errorf("netstack received %s with %+v", seen.String(), seen.Options)
	}
}

// TestDataPartlyTaken: a segment that is partly in the server's hands goes on with
// the rest, in segments that the server can take, and with its FIN.
func TestDataPartlyTaken(t *testing.T) {
	eachAsk(t, func(t *testing.T, a *askRig) {
		a.opened("hello")
		a.write(psh|fin, 1, 1, 5+3000)
		a.sends("ACK 6/1+1420", "ACK 1426/1+1420", "FIN+PSH+ACK 2846/1+160")
		a.received()
		a.opened("hello")
		a.write(fin, 1, 1, 5)
		a.sends("FIN+ACK 6/1+0")
		a.opened("hello")
		a.write(rst|ack, 1, 1, 0)
		a.sends("RST+ACK 6/1+0")
	})
}

// TestServerTakesPart: the SYN-ACK may acknowledge less than the SYN carried.
func TestServerTakesPart(t *testing.T) {
	a := newAskRig(newRig(t, false))
	a.open("x")
	a.synAck(1, 1, 2, 3, 4)
	a.open("hello")
	a.sent()
	a.synAck(3)
	a.got = nil
	a.write(psh, 1, 1, 5)
	a.sends("PSH+ACK 3/1+3")
	a.received()
}

// TestServerRefuses: a SYN-ACK of the SYN alone leaves everything to netstack, and
// may bring another cookie.
func TestServerRefuses(t *testing.T) {
	eachAsk(t, func(t *testing.T, a *askRig) {
		a.open("x")
		a.synAck(1, 1, 2, 3, 4)
		a.open("hello")
		a.sent()
		a.got = nil
		a.synAck(1, 5, 6, 7, 8)
		a.received("SYN+ACK 0/1+0")
		a.write(psh, 1, 1, 5)
		a.sends("PSH+ACK 1/1+5")
		a.deliver(ack, 1, 6, 0)
		a.received("ACK 1/6+0")
		if c := a.ep.FastOpenCounts(); c != (FastOpenCounts{ActiveFail: 1}) {
			t.Errorf("%+v", c)
		}
		e, ok := a.ep.fastOpen.cache.Get(a.tuple(true))
		if want, _ := segment.MakeCookie([]byte{5, 6, 7, 8}); !ok || e.Cookie != want || e.MSS != mss {
			t.Errorf("remembered %+v", e)
		}
	})
}

// TestACKOvertakesSYNACK: netstack, which knows of no data, would reset it.
func TestACKOvertakesSYNACK(t *testing.T) {
	eachAsk(t, func(t *testing.T, a *askRig) {
		a.open("x")
		a.synAck(1, 1, 2, 3, 4)
		a.open("hello")
		a.sent()
		a.got = nil
		a.deliver(ack, 1, 6, 0)
		a.deliver(psh, 1, 6, 10)
		a.received()
		a.synAck(6)
		a.received("SYN+ACK 0/1+0")
	})
}

// TestSYNACKForged: one that acknowledges what was never sent is netstack's to
// refuse.
func TestSYNACKForged(t *testing.T) {
	a := newAskRig(newRig(t, false))
	a.open("x")
	a.synAck(1, 1, 2, 3, 4)
	a.open("hello")
	a.got = nil
	a.synAck(7, 9, 9, 9, 9)
	a.received("SYN+ACK 0/7+0")
	if e, _ := a.ep.fastOpen.cache.Get(a.tuple(true)); e.Cookie.Bytes[0] != 1 {
		t.Error("a cookie was learned from it")
	}
}

// TestClientBits: without bit 1 nothing is asked for; with bit 4 data go without a
// cookie, as many as fit in the smallest segment.
func TestClientBits(t *testing.T) {
	eachAsk(t, func(t *testing.T, a *askRig) {
		set := func(v int64) {
			if err := a.set.SetInt(tunable.FastOpen, v); err != nil {
				t.Fatal(err)
			}
		}
		set(serverBit)
		a.open("hello")
		a.sends("SYN 0/0+0")
		set(clientBit | clientNoCookieBit)
		a.open(strings.Repeat("x", 2000))
		a.sends("SYN 0/0+496")
		a.peerPort++
		a.write(syn, 0, 0, 0) // of a connection that nobody asked it for
		a.sends("SYN 0/0+0")
		a.peerPort++
		a.ep.Offer(a.tuple(true), []byte("hello"))()
		a.write(syn, 0, 0, 0)
		a.sends("SYN 0/0+0")
		if n := a.ep.fastOpen.offers.any.Load(); n != 0 {
			t.Errorf("the data of %d connections are left", n)
		}
	})
}

// TestBlackhole: a connection that was swallowed keeps data out of all SYNs for a
// while, if that is asked for; data that arrive end it.
func TestBlackhole(t *testing.T) {
	eachAsk(t, func(t *testing.T, a *askRig) {
		a.open("x")
		a.synAck(1, 1, 2, 3, 4)
		a.sent()
		swallowed := func() {
			t.Helper()
			a.open("hello")
			for range 3 {
				a.write(syn, 0, 0, 0)
			}
			a.sends("SYN 0/0+5 cookie", "SYN 0/0+0", "SYN 0/0+0", "SYN 0/0+0")
		}
		swallowed()
		swallowed() // 0 never stops
		if err := a.set.SetInt(tunable.FastOpenBlackhole, 10); err != nil {
			t.Fatal(err)
		}
		swallowed()
		a.open("hello")
		a.sends("SYN 0/0+0")
		a.pass(10 * time.Second)
		swallowed()
		a.pass(20*time.Second - 1)
		a.open("hello")
		a.sends("SYN 0/0+0")
		a.pass(1)
		a.open("hello")
		a.sends("SYN 0/0+5 cookie")
		a.synAck(6)
		swallowed()
		a.pass(10 * time.Second)
		a.open("hello")
		a.sends("SYN 0/0+5 cookie")
		if c := a.ep.FastOpenCounts(); c != (FastOpenCounts{Active: 1, Blackholes: 3}) {
			t.Errorf("%+v", c)
		}
	})
}
