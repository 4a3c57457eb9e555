package closepath

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/stack/fastopen"
	"lastack/stack/segment"
	"lastack/stack/tunable"
)

// openRig is a rig on which listeners take part in Fast Open, with a netstack that
// is a server: it answers a SYN, and acknowledges data as they come.
type openRig struct {
	*rig
	key fastopen.Key
	got []string // what netstack received: "ACK+PSH 1/1 hello", by relative numbers
	// full: the listener's queue is, so that netstack drops the ACK.
	full bool
}

func newOpenRig(t *testing.T, r *rig) *openRig {
	o := &openRig{rig: r, key: fastopen.Key{1: 7}}
	o.tune(tunable.FastOpen, serverBit|clientBit)
	if err := r.set.Set("net.ipv4.tcp_fastopen_key", tunable.Key(o.key).String()); err != nil {
		t.Fatal(err)
	}
	r.toHost = func(s *segment.Segment, data []byte) {
		o.got = append(o.got, strings.TrimSpace(fmt.Sprintf("%s %d/%d %s", s.Flags, s.Seq-peerISN, o.ackOff(s), data)))
		o.reply(s, len(data))
	}
	return o
}

func (o *openRig) tune(id tunable.ID, v int64) {
	o.t.Helper()
	if err := o.set.SetInt(id, v); err != nil {
		o.t.Fatal(err)
	}
}

func (o *openRig) ackOff(s *segment.Segment) segment.Seq {
	if !s.Flags.Has(ack) {
		return 0
	}
	return s.Ack - hostISN
}

// reply is what netstack does.
func (o *openRig) reply(s *segment.Segment, n int) {
	switch {
	case s.Flags == syn:
		o.accept()
	case n > 0 && !o.full:
		o.write(ack, 1, s.Seq-peerISN+segment.Seq(n), 0)
	}
}

// received compares what netstack received since the last call.
func (o *openRig) received(want ...string) {
	o.t.Helper()
	o.pass(0)
	if !slices.Equal(o.got, want) {
		o.t.Fatalf("netstack received %q, want %q", o.got, want)
	}
	o.got = nil
}

// cookie is the peer's.
func (o *openRig) cookie() segment.Cookie {
	return fastopen.NewKeyring(o.key).Cookie(o.tuple(false))
}

// syn has the peer send a SYN with the option and data.
func (o *openRig) syn(form segment.FastOpen, c segment.Cookie, data string) {
	s := o.seg(false, syn, 0, 0)
	s.FastOpen, s.Cookie = form, c
	s.HasWindowScale, s.WindowScale, s.Window = true, 3, 4000
	o.deliverData(s, data)
}

// accept has netstack send a SYN-ACK that is no SYN cookie.
func (o *openRig) accept() {
	s := o.seg(true, synAck, 0, 1)
	s.HasWindowScale = true
	o.writeSegment(s, 0)
}

func (o *openRig) deliverData(s *segment.Segment, data string) {
	p := made(s, []byte(data))
	o.wireEnd.InjectInbound(protocolOf(s), p.buf)
	p.buf.DecRef()
}

// counts compares the counters, but for those of a client.
func (o *openRig) counts(passive, fail, requests, pending int) {
	o.t.Helper()
	c := o.ep.FastOpenCounts()
	want := FastOpenCounts{Passive: uint64(passive), PassiveFail: uint64(fail), CookieRequests: uint64(requests), Pending: pending}
	if c != want {
		o.t.Errorf("counts %+v, want %+v", c, want)
	}
}

func eachOpen(t *testing.T, f func(t *testing.T, o *openRig)) {
	eachFamily(t, func(t *testing.T, r *rig) { f(t, newOpenRig(t, r)) })
}

// TestCookieRequest: the SYN-ACK brings a cookie in the form that was asked for,
// and the same again when it is sent again.
func TestCookieRequest(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		for _, form := range []segment.FastOpen{segment.FastOpenOption, segment.FastOpenExperiment} {
			o.syn(form, segment.Cookie{}, "")
			o.received("SYN 0/0")
			o.accept()
			for _, s := range o.wire("SYN+ACK 0/1", "SYN+ACK 0/1") {
				if s.FastOpen != form || s.Cookie != o.cookie() || s.MSS != mss || s.TSVal != 77 {
					t.Errorf("%s with %+v", s.String(), s.Options)
				}
			}
			o.peerPort++
		}
		o.counts(0, 0, 2, 0)
	})
}

// TestNoCookie: none is given to who does not ask, has a good one, or where the
// server's bit is not set.
func TestNoCookie(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		for name, send := range map[string]func(){
			"a plain SYN":   func() { o.deliver(syn, 0, 0, 0) },
			"a good cookie": func() { o.syn(segment.FastOpenOption, o.cookie(), "") },
			"switched off": func() {
				o.tune(tunable.FastOpen, clientBit)
				o.syn(segment.FastOpenOption, segment.Cookie{}, "")
				o.tune(tunable.FastOpen, serverBit)
			},
		} {
			send()
			if s := o.wire("SYN+ACK 0/1")[0]; s.FastOpen != segment.NoFastOpen {
				t.Errorf("%s: a cookie", name)
			}
			o.peerPort++
		}
		o.counts(1, 0, 0, 1) // the good cookie opens a connection without data, too
	})
}

// TestDataInSYN: netstack has the data before the client's ACK comes; the SYN-ACK
// acknowledges them, and the response follows it at once.
func TestDataInSYN(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		o.syn(segment.FastOpenOption, o.cookie(), "hello")
		o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
		o.write(psh, 1, 6, 100)
		segs := o.wire("SYN+ACK 0/6", "PSH+ACK 1/6")
		if s := segs[0]; s.FastOpen != segment.NoFastOpen || s.MSS != mss || s.TSVal != 77 {
			t.Errorf("the SYN-ACK: %+v", s.Options)
		}
		o.counts(1, 0, 0, 1)
		if n, pending := o.ep.FastOpened(o.tuple(true)); n != 5 || !pending {
			t.Errorf("the connection was opened with %d bytes, pending %v", n, pending)
		}
		o.deliver(ack, 6, 101, 0)
		o.received("ACK 6/101")
		o.counts(1, 0, 0, 0)
		o.pass(time.Hour)
		o.wire()
	})
}

// TestMadeUpACK: what netstack takes for the client's ACK has the SYN's timestamp,
// a window on the scale that was agreed on, and no hint of a round trip that was
// never measured.
func TestMadeUpACK(t *testing.T) {
	o := newOpenRig(t, newRig(t, false))
	var seen segment.Segment
	o.toHost = func(s *segment.Segment, data []byte) {
		if seen = *s; s.Flags == syn {
			a := o.seg(true, synAck, 0, 1)
			a.HasWindowScale, a.TSVal = true, 100_000
			o.writeSegment(a, 0)
		}
	}
	o.syn(segment.FastOpenOption, o.cookie(), "hello")
	o.pass(0)
	if seen.Flags != psh || seen.TSVal != o.ts || seen.TSEcr != 100_000-333 || seen.Window != 500 {
		t.Errorf("netstack received %s with %+v", seen.String(), seen.Options)
	}
}

// TestLastOfTheKeys: the cookie of the key before is good, and the SYN-ACK brings
// one of the new key.
func TestLastOfTheKeys(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		old := o.cookie()
		o.key = fastopen.Key{9}
		if err := o.set.Set("net.ipv4.tcp_fastopen_key", tunable.Key(o.key).String()); err != nil {
			t.Fatal(err)
		}
		o.syn(segment.FastOpenOption, old, "hello")
		o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
		if s := o.wire("SYN+ACK 0/6")[0]; s.FastOpen != segment.FastOpenOption || s.Cookie != o.cookie() || s.Cookie == old {
			t.Errorf("the SYN-ACK: %+v", s.Options)
		}
	})
}

// TestForgedCookie: the data are left, and a good cookie is given.
func TestForgedCookie(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		c := o.cookie()
		c.Bytes[3] ^= 1
		o.syn(segment.FastOpenOption, c, "hello")
		o.received("SYN 0/0 hello") // which netstack ignores
		if s := o.wire("SYN+ACK 0/1")[0]; s.Cookie != o.cookie() {
			t.Errorf("the SYN-ACK: %+v", s.Options)
		}
		o.deliverData(o.seg(false, psh, 1, 1), "hello")
		o.received("PSH+ACK 1/1 hello")
		o.pass(40 * time.Millisecond) // delayed, as on any connection
		o.wire("ACK 1/6")
		o.counts(0, 1, 0, 0)
	})
}

// TestWithoutCookie: bit 0x200 takes data from everybody.
func TestWithoutCookie(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		o.syn(segment.NoFastOpen, segment.Cookie{}, "hello")
		o.received("SYN 0/0 hello")
		o.wire("SYN+ACK 0/1")
		o.tune(tunable.FastOpen, serverBit|serverNoCookieBit)
		o.peerPort++
		o.syn(segment.NoFastOpen, segment.Cookie{}, "hello")
		o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
		o.wire("SYN+ACK 0/6")
	})
}

// TestCorruptSYN: data that a checksum does not vouch for are not believed.
func TestCorruptSYN(t *testing.T) {
	o := newOpenRig(t, newRig(t, false))
	s := o.seg(false, syn, 0, 0)
	s.FastOpen, s.Cookie = segment.FastOpenOption, o.cookie()
	p := made(s, []byte("hello"))
	defer p.buf.DecRef()
	l := p.copy(true)
	defer l.DecRef()
	o.wireEnd.InjectInbound(protocolOf(s), l)
	o.pass(0)
	if len(o.got) != 1 || o.ep.FastOpenCounts().Pending != 0 || o.delivered[0] != "SYN (bad checksum)" {
		t.Errorf("netstack received %q", o.delivered)
	}
}

// TestTooManyPending: beyond the limit there is no cookie and no data; when a
// handshake is over there is room again.
func TestTooManyPending(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		o.tune(tunable.FastOpenPending, 1)
		o.syn(segment.FastOpenOption, o.cookie(), "hello")
		o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
		o.wire("SYN+ACK 0/6")
		o.peerPort++
		for _, c := range []segment.Cookie{o.cookie(), {}} {
			o.syn(segment.FastOpenOption, c, "hello")
			if s := o.wire("SYN+ACK 0/1")[0]; s.FastOpen != segment.NoFastOpen {
				t.Error("a cookie, though there are too many")
			}
			o.peerPort++
		}
		if n := o.ep.FastOpenCounts().Overflows; n != 1 {
			t.Errorf("%d overflows, want 1", n)
		}
		o.peerPort = 40000
		o.deliver(ack, 6, 1, 0)
		o.got, o.peerPort = nil, 40003
		o.syn(segment.FastOpenOption, o.cookie(), "hello")
		o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
		o.wire("SYN+ACK 0/6")
	})
}

// TestQueueFull: netstack does not take the data, so that the SYN-ACK acknowledges
// the SYN alone, and the client's data are delivered when they come again.
func TestQueueFull(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		o.full = true
		o.syn(segment.FastOpenOption, o.cookie(), "hello")
		o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
		o.wire()
		o.pass(takeWithin)
		o.wire("SYN+ACK 0/1")
		o.counts(0, 1, 0, 1)
		o.full = false
		o.deliverData(o.seg(false, psh, 1, 1), "hello")
		o.received("PSH+ACK 1/1 hello")
		o.pass(40 * time.Millisecond) // delayed, as on any connection
		o.wire("ACK 1/6")
		o.counts(0, 1, 0, 0)
	})
}

// TestTakenLate: netstack takes the data when the SYN-ACK of the SYN alone is out
// already; should that go again, it acknowledges the data too.
func TestTakenLate(t *testing.T) {
	o := newOpenRig(t, newRig(t, false))
	o.full = true
	o.syn(segment.FastOpenOption, o.cookie(), "hello")
	o.pass(takeWithin)
	o.wire("SYN+ACK 0/1")
	o.write(ack, 1, 6, 0)
	o.pass(40 * time.Millisecond)
	o.wire("ACK 1/6")
	o.pass(time.Second)
	o.wire("SYN+ACK 0/6")
	if n, _ := o.ep.FastOpened(o.tuple(true)); n != 5 {
		t.Errorf("the connection was opened with %d bytes", n)
	}
}

// TestQueueFullAgain: netstack goes on with its own handshake, and the stage leaves
// it to that.
func TestQueueFullAgain(t *testing.T) {
	o := newOpenRig(t, newRig(t, false))
	o.full = true
	o.syn(segment.FastOpenOption, o.cookie(), "hello")
	o.pass(takeWithin)
	o.wire("SYN+ACK 0/1")
	o.accept()
	o.pass(time.Hour)
	o.wire("SYN+ACK 0/1")
	o.counts(0, 1, 0, 0)
}

// TestNobodyAnswers: a listener whose queue is full drops the SYN; one that comes
// again is a plain one.
func TestNobodyAnswers(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		o.toHost = nil
		o.syn(segment.FastOpenOption, o.cookie(), "hello")
		o.counts(0, 0, 0, 1)
		o.pass(takeWithin)
		o.counts(0, 0, 0, 0)
		o.deliver(syn, 0, 0, 0)
		o.accept()
		o.wire("SYN+ACK 0/1")
		if n := len(o.delivered); n != 2 {
			t.Errorf("netstack received %q", o.delivered)
		}
	})
}

// TestPartlyTaken: the SYN-ACK acknowledges what netstack does.
func TestPartlyTaken(t *testing.T) {
	o := newOpenRig(t, newRig(t, false))
	o.toHost = func(s *segment.Segment, data []byte) {
		o.reply(s, min(len(data), 2))
	}
	o.syn(segment.FastOpenOption, o.cookie(), "hello")
	o.pass(0)
	o.wire("SYN+ACK 0/3")
}

// TestResponseCarriesTheACK: netstack need not send an ACK of its own.
func TestResponseCarriesTheACK(t *testing.T) {
	o := newOpenRig(t, newRig(t, false))
	o.toHost = func(s *segment.Segment, data []byte) {
		if s.Flags == syn {
			o.reply(s, 0)
		} else {
			o.write(psh, 1, 6, 10)
			o.write(fin, 11, 6, 0)
		}
	}
	o.syn(segment.FastOpenOption, o.cookie(), "hello")
	o.pass(0)
	o.wire("SYN+ACK 0/6", "PSH+ACK 1/6", "FIN+ACK 11/6")
}

// TestSYNACKLost: it is sent again, a second later and then less and less often,
// and when the SYN comes again, with and without data and cookie. Nothing is
// delivered twice. If the client never answers, netstack forgets the connection.
func TestSYNACKLost(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		o.syn(segment.FastOpenOption, o.cookie(), "hello")
		o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
		o.wire("SYN+ACK 0/6")
		o.syn(segment.FastOpenOption, o.cookie(), "hello")
		o.wire("SYN+ACK 0/6")
		o.deliver(syn, 0, 0, 0)
		o.wire("SYN+ACK 0/6")
		o.received()
		for _, wait := range []time.Duration{1, 2, 4, 8, 16, 32} {
			o.pass(wait*time.Second - 1)
			o.wire()
			o.pass(1)
			o.wire("SYN+ACK 0/6")
		}
		o.counts(1, 0, 0, 1)
		o.received()
		o.pass(64 * time.Second)
		o.wire()
		o.received("RST 6/0")
		o.counts(1, 0, 0, 0)
		if n := o.ep.Flows(); n != 0 {
			t.Errorf("%d flows are left", n)
		}
	})
}

// TestResponseAgain: when the client answers a SYN-ACK that had to be repeated, it
// gets what followed the first, each segment once and without what it has.
func TestResponseAgain(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		o.syn(segment.FastOpenOption, o.cookie(), "hello")
		o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
		o.write(psh, 1, 6, 10)
		o.write(psh, 11, 6, 10)
		o.write(psh, 1, 6, 10) // again: the timer ran out
		o.write(fin, 21, 6, 0)
		o.wire("SYN+ACK 0/6", "PSH+ACK 1/6", "PSH+ACK 11/6", "PSH+ACK 1/6", "FIN+ACK 21/6")
		o.deliver(syn, 0, 0, 0)
		o.wire("SYN+ACK 0/6")
		o.deliver(ack, 6, 11, 0)
		o.wire("PSH+ACK 11/6", "FIN+ACK 21/6")
		o.deliver(ack, 6, 11, 0)
		o.wire()
	})
}

// TestResetBeforeACK: a client that answers the SYN-ACK with a RST leaves nothing,
// but counts for a minute among the pending.
func TestResetBeforeACK(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		o.syn(segment.FastOpenOption, o.cookie(), "hello")
		o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
		o.wire("SYN+ACK 0/6")
		o.deliver(rst, 6, 0, 0)
		o.received("RST 6/0")
		o.pass(time.Minute - 1)
		o.counts(1, 0, 0, 1)
		o.pass(1)
		o.counts(1, 0, 0, 0)
		o.pass(time.Hour)
		o.wire()
	})
}

// TestHostResets: a RST of the host's own makes room at once.
func TestHostResets(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		o.syn(segment.FastOpenOption, o.cookie(), "hello")
		o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
		o.write(rst|ack, 1, 6, 0)
		o.wire("SYN+ACK 0/6", "RST+ACK 1/6")
		o.counts(1, 0, 0, 0)
	})
}

// TestFINInTheWake: the FIN comes with the ACK, and the host's close makes three
// segments of it.
func TestFINInTheWake(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		o.syn(segment.FastOpenOption, o.cookie(), "hello")
		o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
		o.wire("SYN+ACK 0/6")
		o.deliver(fin, 6, 1, 0)
		o.received("FIN+ACK 6/1")
		o.write(ack, 1, 7, 0)
		o.wire() // delayed
		o.write(fin, 1, 7, 0)
		o.deliver(ack, 7, 2, 0)
		o.wire("FIN+ACK 1/7")
		if n := o.ep.Flows(); n != 0 {
			t.Errorf("%d flows are left", n)
		}
	})
}

// TestHostClosesFirst: the FIN may leave before the client's ACK comes, and
// TIME_WAIT is the host's.
func TestHostClosesFirst(t *testing.T) {
	eachOpen(t, func(t *testing.T, o *openRig) {
		o.syn(segment.FastOpenOption, o.cookie(), "hello")
		o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
		o.write(psh, 1, 6, 10)
		o.write(fin, 11, 6, 0)
		o.wire("SYN+ACK 0/6", "PSH+ACK 1/6", "FIN+ACK 11/6")
		o.deliver(ack, 6, 12, 0)
		o.deliver(fin, 6, 12, 0)
		o.write(ack, 12, 7, 0)
		o.wire("ACK 12/7")
		if n := o.ep.TimeWaits(); n != 1 {
			t.Errorf("%d connections in TIME_WAIT", n)
		}
		o.counts(1, 0, 0, 0)
	})
}

// TestPortUsedAgain: a connection in TIME_WAIT makes room for one that is opened
// with data, whose numbers begin beyond the old ones.
func TestPortUsedAgain(t *testing.T) {
	o := newOpenRig(t, newRig(t, false))
	o.toHost = nil
	o.connect()
	o.write(fin, 1, 1, 0)
	o.deliver(fin, 1, 2, 0)
	o.write(ack, 2, 2, 0)
	o.wire("FIN+ACK 1/1", "ACK 2/2")
	o.received()
	o.delivered = nil
	o.toHost = func(s *segment.Segment, data []byte) {
		if s.Flags.Has(ack) && s.Ack != hostISN+1 {
			t.Errorf("netstack's own number is %d, and it received %d", hostISN+1, s.Ack)
		}
		o.reply(s, len(data))
	}
	o.syn(segment.FastOpenOption, o.cookie(), "hello")
	o.pass(0)
	const shift = 2 + 65537
	o.wire(fmt.Sprintf("SYN+ACK %d/6", shift))
	if want := []string{"SYN", "PSH+ACK"}; !slices.Equal(o.delivered, want) {
		t.Errorf("netstack received %q, want %q", o.delivered, want)
	}
}

// TestFloodOfForgedCookies: no data, no pending handshake, no memory beyond that of
// any SYN; and a plain client is served.
func TestFloodOfForgedCookies(t *testing.T) {
	o := newOpenRig(t, newRig(t, false))
	o.toHost = nil
	for i := range 10_000 {
		c := o.cookie()
		c.Bytes[i%8] ^= byte(1 + i%255)
		o.peerPort = uint16(1024 + i)
		o.syn(segment.FastOpenOption, c, "hello")
		o.delivered = nil
	}
	if c := o.ep.FastOpenCounts(); c.Pending != 0 || c.Passive != 0 || c.PassiveFail != 10_000 {
		t.Errorf("%+v", c)
	}
	for _, f := range o.ep.flows.all() {
		if f.opening.accepted != nil {
			t.Fatal("data of a forged SYN are kept")
		}
	}
	o.peerPort = 50_000
	o.connect()
	o.deliver(psh, 1, 1, 5)
	if want := []string{"SYN", "ACK", "PSH+ACK"}; !slices.Equal(o.delivered, want) {
		t.Errorf("netstack received %q, want %q", o.delivered, want)
	}
}

// TestPendingIsBounded: SYNs with data and a good cookie, whose client never
// answers, hold no more data than the limit says, and none for ever.
func TestPendingIsBounded(t *testing.T) {
	o := newOpenRig(t, newRig(t, false))
	o.tune(tunable.FastOpenPending, 10)
	for i := range 1000 {
		o.peerPort = uint16(1024 + i)
		o.syn(segment.FastOpenOption, o.cookie(), strings.Repeat("x", 1400))
		o.pass(0)
	}
	if c := o.ep.FastOpenCounts(); c.Pending != 10 || c.Overflows != 990 || c.Passive != 10 {
		t.Errorf("%+v", c)
	}
	o.sent()
	o.pass(3 * time.Minute)
	if n := o.ep.FastOpenCounts().Pending; n != 0 {
		t.Errorf("%d are pending for ever", n)
	}
}

// TestSYNWithFIN: nothing that says so much at once is believed.
func TestSYNWithFIN(t *testing.T) {
	o := newOpenRig(t, newRig(t, false))
	s := o.seg(false, syn|segment.FIN, 0, 0)
	s.FastOpen, s.Cookie = segment.FastOpenOption, o.cookie()
	o.deliverData(s, "hello")
	o.counts(0, 0, 0, 0)
}

// TestCloseForgetsHandshakes: an endpoint that is closed answers and keeps nothing.
func TestCloseForgetsHandshakes(t *testing.T) {
	o := newOpenRig(t, newRig(t, false))
	o.syn(segment.FastOpenOption, o.cookie(), "hello")
	o.received("SYN 0/0 hello", "PSH+ACK 1/1 hello")
	o.write(psh, 1, 6, 10)
	o.wire("SYN+ACK 0/6", "PSH+ACK 1/6")
	o.ep.Close()
	o.pass(time.Hour)
	o.wire()
	o.counts(1, 0, 0, 0)
}

// TestObserverOpensNothing: an endpoint that follows the connections of others
// leaves their SYNs alone.
func TestObserverOpensNothing(t *testing.T) {
	o := newOpenRig(t, newRig(t, false))
	o.ep.observe = true
	o.toHost = nil
	o.syn(segment.FastOpenOption, segment.Cookie{}, "hello")
	o.accept()
	if s := o.wire("SYN+ACK 0/1")[0]; s.FastOpen != segment.NoFastOpen {
		t.Error("the observer gave a cookie")
	}
}
