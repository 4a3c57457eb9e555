package closepath

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"lastack/stack/segment"
	"lastack/stack/tunable"
)

const twoMSL = 60 * time.Second

// inTimeWait is a rig whose host has closed first; netstack has freed its
// endpoint. The old connection's SND.NXT is 2, its RCV.NXT 2.
func inTimeWait(t *testing.T, r *rig) {
	t.Helper()
	r.connect()
	r.closeByHost()
	r.alive = false
	r.delivered = nil
	if r.ep.TimeWaits() != 1 {
		t.Fatalf("%d in TIME_WAIT", r.ep.TimeWaits())
	}
}

// without is a segment without timestamps.
func without(s *segment.Segment) *segment.Segment {
	s.HasTimestamps = false
	return s
}

// stamped is a segment with a TSval relative to the latest heard.
func stamped(r *rig, s *segment.Segment, off int32) *segment.Segment {
	r.ts--
	s.TSVal = r.ts + uint32(off)
	return s
}

// TestIdleACKBehindBothFINs: while netstack has not come to answer the peer's FIN, an
// ACK that repeats another is kept from it, and what says anything is not.
func TestIdleACKBehindBothFINs(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.write(fin, 1, 1, 0)
		r.deliver(ack, 1, 2, 0) // acknowledges the host's FIN
		r.deliver(fin, 1, 2, 0)
		r.delivered, r.events = nil, nil
		r.deliver(ack, 2, 2, 0)
		r.arrived()
		if want := []string{"dropped ACK"}; !slices.Equal(r.events, want) {
			t.Errorf("events %q, want %q", r.events, want)
		}
		r.deliver(fin, 1, 2, 0) // netstack may have missed it
		r.deliver(rst, 2, 0, 0)
		r.arrived("FIN+ACK", "RST")
	})
}

// TestACKBehindCrossedFINs: the FINs crossed, so the ACK behind the peer's is the
// first that acknowledges the host's.
func TestACKBehindCrossedFINs(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.write(fin, 1, 1, 0)
		r.deliver(fin, 1, 1, 0)
		r.delivered = nil
		r.deliver(ack, 2, 2, 0)
		r.deliver(ack, 2, 2, 0) // again
		r.arrived("ACK")
	})
}

// TestTimeWaitAnswers is Linux's table of what a segment in TIME_WAIT gets.
func TestTimeWaitAnswers(t *testing.T) {
	const ackReply, none, synAckReply = "ACK 2/2", "", "SYN to netstack"
	type outcome uint8
	const (
		kept outcome = iota
		restarted
		killed
		replaced
	)
	rows := []struct {
		name    string
		rfc1337 int64
		seg     func(r *rig) *segment.Segment
		data    int
		reply   string
		timer   outcome
	}{
		{"SYN, TSval larger, ISN larger", 0, func(r *rig) *segment.Segment { return stamped(r, r.seg(false, syn, 9000, 0), 1) }, 0, synAckReply, replaced},
		{"SYN, TSval larger, ISN smaller", 0, func(r *rig) *segment.Segment { return stamped(r, r.seg(false, syn, 0, 0), 1) }, 0, synAckReply, replaced},
		{"SYN, TSval equal, ISN larger", 0, func(r *rig) *segment.Segment { return stamped(r, r.seg(false, syn, 3, 0), 0) }, 0, synAckReply, replaced},
		{"SYN, TSval equal, ISN smaller", 0, func(r *rig) *segment.Segment { return stamped(r, r.seg(false, syn, 1, 0), 0) }, 0, ackReply, kept},
		{"SYN, TSval smaller, ISN larger", 0, func(r *rig) *segment.Segment { return stamped(r, r.seg(false, syn, 9000, 0), -1) }, 0, ackReply, restarted},
		{"SYN without TS, ISN larger", 0, func(r *rig) *segment.Segment { return without(r.seg(false, syn, 3, 0)) }, 0, synAckReply, replaced},
		{"SYN without TS, ISN equal", 0, func(r *rig) *segment.Segment { return without(r.seg(false, syn, 2, 0)) }, 0, ackReply, kept},
		{"SYN+ACK", 0, func(r *rig) *segment.Segment { return r.seg(false, synAck, 9000, 2) }, 0, ackReply, restarted},
		{"RST at RCV.NXT", 0, func(r *rig) *segment.Segment { return r.seg(false, rst, 2, 0) }, 0, none, killed},
		{"RST at RCV.NXT, rfc1337", 1, func(r *rig) *segment.Segment { return r.seg(false, rst, 2, 0) }, 0, none, kept},
		{"RST elsewhere", 0, func(r *rig) *segment.Segment { return r.seg(false, rst, 3, 0) }, 0, none, kept},
		{"RST with an old TS", 0, func(r *rig) *segment.Segment { return stamped(r, r.seg(false, rst, 2, 0), -1) }, 0, none, kept},
		{"old data", 0, func(r *rig) *segment.Segment { return r.seg(false, psh, 1, 2) }, 1, ackReply, restarted},
		{"new data", 0, func(r *rig) *segment.Segment { return r.seg(false, psh, 2, 2) }, 9, ackReply, restarted},
		{"FIN again", 0, func(r *rig) *segment.Segment { return r.seg(false, fin, 1, 2) }, 0, ackReply, restarted},
		{"ACK at RCV.NXT-1", 0, func(r *rig) *segment.Segment { return r.seg(false, ack, 1, 2) }, 0, ackReply, restarted},
		{"ACK at RCV.NXT", 0, func(r *rig) *segment.Segment { return r.seg(false, ack, 2, 2) }, 0, none, restarted},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			eachFamily(t, func(t *testing.T, r *rig) {
				if err := r.set.SetInt(tunable.RFC1337, row.rfc1337); err != nil {
					t.Fatal(err)
				}
				inTimeWait(t, r)
				r.pass(twoMSL / 2)
				r.deliverSegment(row.seg(r), row.data)
				switch row.reply {
				case none:
					r.wire()
				case synAckReply:
					r.wire()
					if !slices.Equal(r.delivered, []string{"SYN"}) {
						t.Errorf("netstack got %v", r.delivered)
					}
				default:
					r.wire(row.reply)
				}
				if row.reply != synAckReply && len(r.delivered) != 0 {
					t.Errorf("netstack got %v", r.delivered)
				}
				// A record that is kept ends 2MSL after the last ACK, one that
				// is restarted half of that later.
				r.pass(twoMSL/2 + time.Second)
				n := r.ep.TimeWaits()
				if want := map[outcome]int{restarted: 1}[row.timer]; n != want {
					t.Errorf("%d in TIME_WAIT after 2MSL, want %d", n, want)
				}
				r.pass(twoMSL / 2)
				if r.ep.TimeWaits() != 0 {
					t.Error("still in TIME_WAIT")
				}
			})
		})
	}
}

// TestTimeWaitWithoutTimestamps: if the old connection had none, only the ISN
// counts.
func TestTimeWaitWithoutTimestamps(t *testing.T) {
	for isn, want := range map[segment.Seq]int{3: 1, 2: 0, 1: 0} {
		r := newRig(t, false)
		r.connect()
		for _, s := range []*segment.Segment{r.seg(true, fin, 1, 1), r.seg(false, fin, 1, 2), r.seg(true, ack, 2, 2)} {
			if without(s); s.Src.Port == 80 {
				r.writeSegment(s, 0)
			} else {
				r.deliverSegment(s, 0)
			}
		}
		r.sent()
		r.alive, r.delivered = false, nil
		r.deliver(syn, isn, 0, 0)
		if len(r.delivered) != want {
			t.Errorf("ISN at %d: netstack got %v", isn, r.delivered)
		}
	}
}

// TestTimeWaitRateLimit: an ACK in answer to a dataless segment at most every
// 500 ms, one for data or FIN always.
func TestTimeWaitRateLimit(t *testing.T) {
	r := newRig(t, false)
	inTimeWait(t, r)
	for _, step := range []struct {
		wait  time.Duration
		flags segment.Flags
		reply bool
	}{
		{0, ack, true}, {0, ack, false}, {499 * time.Millisecond, ack, false}, {0, fin, true},
		{0, fin, true}, {500 * time.Millisecond, ack, true}, {0, ack, false},
	} {
		r.pass(step.wait)
		r.deliver(step.flags, 1, 2, 0)
		if got := len(r.sent()) == 1; got != step.reply {
			t.Fatalf("%s after %v: reply %v", step.flags, step.wait, got)
		}
	}
}

// TestTimeWaitReplyStamps: the host's clock runs on in its replies, and the peer's
// latest timestamp is echoed.
func TestTimeWaitReplyStamps(t *testing.T) {
	r := newRig(t, false)
	inTimeWait(t, r)
	r.pass(5 * time.Second)
	r.deliver(ack, 2, 2, 0) // in window: its timestamp is taken
	heard := r.ts
	r.deliver(fin, 1, 2, 0)
	s := r.wire("ACK 2/2")[0]
	if s.TSVal != 77+5000 || s.TSEcr != heard || s.Window != 500 {
		t.Errorf("TSval %d, TSecr %d (heard %d), window %d", s.TSVal, s.TSEcr, heard, s.Window)
	}
}

// TestTimeWaitTakesNetstacksResets: what netstack had queued when its endpoint
// went comes out as RSTs, which nobody must see.
func TestTimeWaitTakesNetstacksResets(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		inTimeWait(t, r)
		r.write(rst, 2, 0, 0)
		r.write(rst|ack, 0, 2, 0)
		r.wire()
		if want := []string{"dropped RST", "dropped RST+ACK"}; !slices.Equal(r.events, want) {
			t.Errorf("events %v, want %v", r.events, want)
		}
		r.peerPort++
		r.write(rst, 2, 0, 0) // of no connection in TIME_WAIT: a refusal
		if len(r.sent()) != 1 {
			t.Error("a RST for another connection was dropped")
		}
	})
}

// TestReopenedNumbers: the new connection's numbers begin 65,537 beyond the old
// ones on the wire, and netstack sees its own.
func TestReopenedNumbers(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		inTimeWait(t, r)
		s := r.seg(false, syn, 9000, 0)
		r.deliverSegment(s, 0)
		peer := s.Seq - peerISN + 1

		own := segment.Seq(123_456_789) // netstack's ISN, relative to the old one
		reply := r.seg(true, synAck, own, peer)
		r.writeSegment(reply, 0)
		iss := segment.Seq(2 + 65537)
		r.wire(fmt.Sprintf("SYN+ACK %d/%d", iss, peer))

		var seen segment.Segment
		r.ep.tap = func(e *Event) {
			if e.Point == Host && e.Dir == In {
				seen = *e.Seg
			}
		}
		in := r.seg(false, ack, peer, iss+1)
		in.SACKCount, in.SACKBlocks[0] = 1, segment.SACKBlock{Start: hostISN + iss + 5, End: hostISN + iss + 9}
		r.deliverSegment(in, 0)
		if seen.Ack != hostISN+own+1 || seen.SACKBlocks[0].Start != hostISN+own+5 {
			t.Errorf("netstack got %s, SACK %v", seen.String(), seen.SACKBlocks[0])
		}
		r.write(fin, own+1, peer, 0)
		r.deliver(fin, peer, iss+2, 0)
		r.write(ack, own+2, peer+1, 0)
		r.wire(fmt.Sprintf("FIN+ACK %d/%d", iss+1, peer), fmt.Sprintf("ACK %d/%d", iss+2, peer+1))
		if rec, ok := r.ep.TimeWait(r.tuple(true)); !ok || rec.SndNxt != hostISN+iss+2 {
			t.Errorf("in TIME_WAIT again: %v, SND.NXT %d", ok, rec.SndNxt-hostISN)
		}
	})
}

// TestReopenedSYNWaitsForNetstack: the SYN must not meet the old endpoint.
func TestReopenedSYNWaitsForNetstack(t *testing.T) {
	r := newRig(t, false)
	inTimeWait(t, r)
	r.registered = true
	r.deliver(syn, 9000, 0, 0)
	r.pass(10 * time.Millisecond)
	if len(r.delivered) != 0 || r.ep.TimeWaits() != 1 {
		t.Fatalf("netstack got %v, %d in TIME_WAIT", r.delivered, r.ep.TimeWaits())
	}
	r.registered = false
	r.pass(2 * time.Millisecond)
	if !slices.Equal(r.delivered, []string{"SYN"}) || r.ep.TimeWaits() != 0 || r.ep.Flows() != 1 {
		t.Errorf("netstack got %v, %d in TIME_WAIT, %d flows", r.delivered, r.ep.TimeWaits(), r.ep.Flows())
	}
	// Leftovers of the old connection in netstack's queues do not reset the new.
	r.write(rst, 2, 0, 0)
	r.wire()
}

// TestNobodyListens: a SYN that might reopen gets an ACK, as on Linux.
func TestNobodyListens(t *testing.T) {
	r := newRig(t, false)
	inTimeWait(t, r)
	r.deaf = true
	r.deliver(syn, 9000, 0, 0)
	r.wire("ACK 2/2")
	if len(r.delivered) != 0 || r.ep.TimeWaits() != 1 {
		t.Errorf("netstack got %v", r.delivered)
	}
}

func TestMaxTWBuckets(t *testing.T) {
	r := newRig(t, false)
	if err := r.set.SetInt(tunable.MaxTWBuckets, 1); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r.peerPort++
		r.connect()
		r.closeByHost()
	}
	if r.ep.TimeWaits() != 1 || r.ep.TimeWaitOverflows() != 1 || r.ep.Flows() != 0 {
		t.Errorf("%d in TIME_WAIT, %d overflows, %d flows", r.ep.TimeWaits(), r.ep.TimeWaitOverflows(), r.ep.Flows())
	}
	// Lowering the limit purges nothing.
	if err := r.set.SetInt(tunable.MaxTWBuckets, 0); err != nil {
		t.Fatal(err)
	}
	if r.ep.TimeWaits() != 1 {
		t.Error("the limit purged TIME_WAIT")
	}
	if want := []string{"waiting", "gone"}; !slices.Equal(r.phases, want) {
		t.Errorf("phases %v, want %v", r.phases, want)
	}
}

// TestSimultaneousClose: TIME_WAIT begins with the last of the two ACKs, whichever that is.
// The peer's FIN comes in after the host's has left, or just before: then netstack has the
// peer's in a queue while it sends its own.
func TestSimultaneousClose(t *testing.T) {
	type step func(r *rig)
	hostFIN, peerFIN := step(func(r *rig) { r.write(fin, 1, 1, 0) }), step(func(r *rig) { r.deliver(fin, 1, 1, 0) })
	hostACK, peerACK := step(func(r *rig) { r.write(ack, 2, 2, 0) }), step(func(r *rig) { r.deliver(ack, 2, 2, 0) })
	for name, steps := range map[string][]step{
		"the host's FIN first":                    {hostFIN, peerFIN, hostACK, peerACK},
		"the host's FIN first, the peer's ACK":    {hostFIN, peerFIN, peerACK, hostACK},
		"the peer's FIN in the queue":             {peerFIN, hostFIN, hostACK, peerACK},
		"the peer's FIN in the queue, and an ACK": {peerFIN, hostFIN, peerACK, hostACK},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, false)
			r.connect()
			r.write(psh, 1, 1, 0) // netstack's endpoint has spoken: admit knows what it has
			for i, do := range steps {
				if r.ep.TimeWaits() != 0 {
					t.Fatalf("in TIME_WAIT before step %d", i)
				}
				r.delivered = nil
				do(r)
			}
			if r.ep.TimeWaits() != 1 || r.ep.Flows() != 0 {
				t.Errorf("%d in TIME_WAIT, %d are followed", r.ep.TimeWaits(), r.ep.Flows())
			}
			rec, _ := r.ep.TimeWait(r.tuple(true))
			if rec.SndNxt != hostISN+2 || rec.RcvNxt != peerISN+2 || !rec.HasTimestamps {
				t.Errorf("record %+v", rec)
			}
		})
	}
}

// TestOutgoingReuse: a SYN of the host's own ends the TIME_WAIT of its port, but only
// when net.ipv4.tcp_tw_reuse permits it; before, netstack is told that nobody listens.
func TestOutgoingReuse(t *testing.T) {
	r := newRig(t, false)
	inTimeWait(t, r)
	r.delivered = nil
	refused := func(why string) {
		t.Helper()
		r.write(syn, 700_000, 0, 0)
		r.pass(0)
		r.arrived("RST+ACK")
		r.wire()
		if r.ep.TimeWaits() != 1 || r.ep.Flows() != 0 {
			t.Errorf("%s: %d in TIME_WAIT, %d flows", why, r.ep.TimeWaits(), r.ep.Flows())
		}
	}
	refused("tcp_tw_reuse=2")
	_ = r.set.SetInt(tunable.TWReuse, 1)
	refused("too early")
	r.pass(time.Second)
	r.write(syn, 700_000, 0, 0)
	if out := r.sent(); len(out) != 1 || out[0].Flags != syn || out[0].Seq-hostISN != 2+65537 {
		t.Errorf("on the wire: %v", out)
	}
	if r.ep.TimeWaits() != 0 || r.ep.Flows() != 1 {
		t.Errorf("%d in TIME_WAIT, %d flows", r.ep.TimeWaits(), r.ep.Flows())
	}
	r.pass(time.Second) // the SYN was lost
	r.write(syn, 700_000, 0, 0)
	if out := r.sent(); len(out) != 1 || out[0].Flags != syn || out[0].Seq-hostISN != 2+65537 {
		t.Errorf("sent again: %v; want the same number", out)
	}
}

// TestRecycle: with tcp_tw_recycle, TIME_WAIT is short, and clients behind one
// address whose clocks differ are refused.
func TestRecycle(t *testing.T) {
	r := newRig(t, false)
	if err := r.set.SetInt(tunable.TWRecycle, 1); err != nil {
		t.Fatal(err)
	}
	inTimeWait(t, r)
	other := func(off int32) int {
		r.peerPort++
		r.delivered = nil
		s := r.seg(false, syn, 0, 0)
		s.TSVal += uint32(off)
		r.deliverSegment(s, 0)
		return len(r.delivered)
	}
	if other(0) != 1 || other(-1000) != 0 {
		t.Error("want the client with the later clock to be let in, and the other not")
	}
	r.pass(recycled + 10*time.Millisecond)
	if r.ep.TimeWaits() != 0 {
		t.Error("TIME_WAIT is not short")
	}
	if other(-1000) != 0 {
		t.Error("the memory ended with TIME_WAIT")
	}
	r.pass(stampLife)
	if other(-1000) != 1 {
		t.Error("the memory lasts longer than a minute")
	}
}

// TestNoTimestamps: with tcp_timestamps=0 the SYN that netstack sees, or sends,
// has none.
func TestNoTimestamps(t *testing.T) {
	r := newRig(t, false)
	if err := r.set.SetInt(tunable.Timestamps, 0); err != nil {
		t.Fatal(err)
	}
	var seen segment.Segment
	r.ep.tap = func(e *Event) {
		if e.Point == Host && e.Dir == In {
			seen = *e.Seg
		}
	}
	r.deliver(syn, 0, 0, 0)
	if seen.HasTimestamps || seen.MSS != mss {
		t.Errorf("netstack got %+v", seen.Options)
	}
	r.peerPort++
	r.write(syn, 0, 0, 0)
	if out := r.sent(); len(out) != 1 || out[0].HasTimestamps {
		t.Errorf("on the wire: %+v", out)
	}
}

// TestTimeWaitLastsTwoMSL: not less, and hardly more, counted from the last
// restart.
func TestTimeWaitLastsTwoMSL(t *testing.T) {
	for _, ms := range []int64{30_000, 500, 1, 240_000} {
		r := newRig(t, false)
		if err := r.set.SetInt(tunable.MSLms, ms); err != nil {
			t.Fatal(err)
		}
		life := 2 * time.Duration(ms) * time.Millisecond
		inTimeWait(t, r)
		r.pass(life / 2)
		r.deliver(fin, 1, 2, 0)
		r.pass(life - time.Millisecond)
		if r.ep.TimeWaits() != 1 {
			t.Errorf("msl_ms=%d: over too early", ms)
		}
		r.pass(life/50 + 2*expiryGrain)
		if r.ep.TimeWaits() != 0 {
			t.Errorf("msl_ms=%d: over too late", ms)
		}
		if want := []string{"waiting", "gone"}; !slices.Equal(r.phases, want) {
			t.Errorf("phases %v, want %v", r.phases, want)
		}
	}
}
