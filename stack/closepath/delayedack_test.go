package closepath

import (
	"testing"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
	"lastack/stack/tunable"
)

const ms = time.Millisecond

func TestFINCarriesTheACKOfTheFIN(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliver(fin|segment.PSH, 1, 1, 10)
		r.write(ack, 1, 12, 0)
		r.wire()
		r.pass(11 * ms)
		r.write(fin, 1, 12, 0)
		r.wire("FIN+ACK 1/12")
		r.deliver(ack, 12, 2, 0)
		r.pass(time.Second)
		r.wire()
		if n := r.ep.Flows(); n != 0 {
			t.Errorf("%d flows left after LAST_ACK", n)
		}
	})
}

func TestPureACKAtTheDeadline(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliver(fin|segment.PSH, 1, 1, 10)
		r.write(ack, 1, 12, 0)
		r.pass(39 * ms)
		r.wire()
		r.pass(1 * ms)
		r.wire("ACK 1/12")
		r.pass(260 * ms)
		r.write(fin, 1, 12, 0)
		r.wire("FIN+ACK 1/12")
	})
}

// TestFINWithoutData: where no data came before, the ACK of the FIN waits for a tick, as
// in Linux, unless less is asked for.
func TestFINWithoutData(t *testing.T) {
	for _, delay := range []int64{40, 2} {
		r := newRig(t, false)
		r.set.SetInt(tunable.DelayedACKms, delay)
		r.connect()
		r.deliver(fin, 1, 1, 0)
		r.write(ack, 1, 2, 0)
		r.pass(time.Duration(min(delay, 4))*ms - 1)
		r.wire()
		r.pass(1)
		r.wire("ACK 1/2")
	}
}

// TestQuickACK: with lastack.quickack, the ACKs of a young connection go at once, as Linux's
// do: until the host has replied, or 16 have gone; and not the ACK of a FIN.
func TestQuickACK(t *testing.T) {
	open := func() *rig {
		r := newRig(t, false)
		r.set.SetInt(tunable.QuickACK, 1)
		r.connect()
		return r
	}
	r := open()
	for i := range segment.Seq(20) {
		r.deliver(psh, 1+i, 1, 1)
		r.write(ack, 1, 2+i, 0)
		if n := len(r.sent()); (n == 1) != (i < 16) {
			t.Errorf("segment %d: %d ACKs at once", i, n)
		}
	}
	r = open()
	r.deliver(psh, 1, 1, 10)
	r.write(ack, 1, 11, 0)
	r.wire("ACK 1/11")
	r.write(psh, 1, 11, 10)
	r.wire("PSH+ACK 1/11")
	r.deliver(psh, 11, 11, 10)
	r.write(ack, 11, 21, 0)
	r.wire() // it has replied
	r = open()
	r.deliver(fin|segment.PSH, 1, 1, 10)
	r.write(ack, 1, 12, 0)
	r.wire()
}

func TestOffSendsEverythingAtOnce(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.set.SetInt(tunable.DelayedACK, 0)
		r.connect()
		r.deliver(psh, 1, 1, 10)
		r.write(ack, 1, 11, 0)
		r.wire("ACK 1/11")
		r.deliver(fin, 11, 1, 0)
		r.write(ack, 1, 12, 0)
		r.wire("ACK 1/12")
		r.write(fin, 1, 12, 0)
		r.wire("FIN+ACK 1/12")
	})
}

func TestDataCarriesTheACK(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliver(psh, 1, 1, 10)
		r.write(ack, 1, 11, 0)
		r.wire()
		r.pass(3 * ms)
		r.write(psh, 1, 11, 20)
		r.wire("PSH+ACK 1/11")
		r.deliver(psh, 11, 21, 10)
		r.write(ack, 21, 21, 0)
		r.pass(30 * ms)
		r.wire()
		r.write(psh, 21, 21, 20)
		r.wire("PSH+ACK 21/21")
		r.deliver(ack, 21, 41, 0)
		r.pass(time.Second)
		r.wire()
	})
}

// TestYoung: Linux would acknowledge at once, so the ACKs wait for a tick alone.
func TestYoung(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		for i := range segment.Seq(20) {
			r.deliver(psh, 1+i, 1, 1)
			r.write(ack, 1, 2+i, 0)
			r.pass(tick - 1)
			r.wire()
			r.pass(1)
			if n := len(r.sent()); (n == 1) != (i < quickACKs) {
				t.Errorf("segment %d: %d ACKs after a tick", i, n)
			}
			r.pass(40 * ms)
			r.sent()
		}
	})
}

// The deadline is that of the oldest ACK held, and the last one is what goes out. The FIN
// ends a connection's youth.
func TestDeadlineIsOfTheOldest(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliver(psh, 1, 1, 10)
		r.write(ack, 1, 11, 0)
		r.pass(3 * ms)
		r.deliver(fin, 11, 1, 0)
		r.write(ack, 1, 12, 0)
		r.pass(37*ms - 1)
		r.wire()
		r.pass(1)
		r.wire("ACK 1/12")
		r.pass(time.Second)
		r.wire()
	})
}

func TestSecondFullSegmentIsAcknowledgedAtOnce(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		const full = mss - 12
		r.deliver(ack, 1, 1, full)
		r.write(ack, 1, 1+full, 0)
		r.wire()
		r.deliver(ack, 1+full, 1, full)
		r.write(ack, 1, 1+2*full, 0)
		if got := r.wire("ACK 1/2897"); len(got) != 1 {
			t.Fatal("no ACK")
		}
		// netstack may take in several before it acknowledges.
		r.deliver(ack, 1+2*full, 1, full)
		r.deliver(ack, 1+3*full, 1, full)
		r.write(ack, 1, 1+4*full, 0)
		r.wire("ACK 1/5793")
		r.pass(time.Second)
		r.wire()
	})
}

func TestDuplicateACKGoesAtOnce(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliver(psh, 1, 1, 10)
		r.write(ack, 1, 11, 0)
		r.wire()
		r.deliver(psh, 21, 1, 10) // 11 to 20 are missing
		r.write(ack, 1, 11, 0)
		r.wire("ACK 1/11")
		r.deliver(psh, 31, 1, 10)
		r.write(ack, 1, 11, 0)
		r.wire("ACK 1/11")
		// RFC 5681 4.2: the ACK of what fills the gap does not wait either.
		r.deliver(psh, 11, 1, 10)
		r.write(ack, 1, 41, 0)
		r.wire("ACK 1/41")
		r.deliver(psh, 41, 1, 10)
		r.write(ack, 1, 51, 0)
		r.wire() // back to normal
	})
}

func TestSACKGoesAtOnce(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliver(psh, 1, 1, 10)
		r.deliver(psh, 21, 1, 10)
		s := r.seg(true, ack, 1, 11)
		s.SACKCount, s.SACKBlocks[0] = 1, segment.SACKBlock{Start: peerISN + 21, End: peerISN + 31}
		r.writeSegment(s, 0)
		r.wire("ACK 1/11")
		r.deliver(psh, 11, 1, 10)
		r.write(ack, 1, 31, 0)
		r.wire("ACK 1/31")
	})
}

func TestWindowUpdateGoesAtOnce(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliver(psh, 1, 1, 10)
		r.write(ack, 1, 11, 0)
		r.wire()
		s := r.seg(true, ack, 1, 11)
		s.Window = 900
		r.writeSegment(s, 0)
		if got := r.wire("ACK 1/11"); got[0].Window != 900 {
			t.Errorf("window %d, want 900", got[0].Window)
		}
		r.pass(time.Second)
		r.wire()
	})
}

func TestZeroWindowEndsAtOnce(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliver(psh, 1, 1, 10)
		s := r.seg(true, ack, 1, 11)
		s.Window = 0
		r.writeSegment(s, 0)
		r.pass(40 * ms)
		r.wire("ACK 1/11")
		r.deliver(psh, 11, 1, 1)
		r.write(ack, 1, 12, 0)
		r.wire("ACK 1/12")
	})
}

func TestLastACKGoesAtOnce(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.write(fin, 1, 1, 0)
		r.deliver(ack, 1, 2, 0)
		r.deliver(psh, 1, 2, 10) // FIN_WAIT_2: data is still acknowledged late
		r.write(ack, 2, 11, 0)
		r.wire("FIN+ACK 1/1")
		r.deliver(fin, 11, 2, 0)
		r.write(ack, 2, 12, 0)
		r.wire("ACK 2/12")
	})
}

func TestSimultaneousCloseIsAcknowledgedAtOnce(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.write(fin, 1, 1, 0)
		r.deliver(fin, 1, 1, 0) // crossed ours
		r.write(ack, 2, 2, 0)
		r.wire("FIN+ACK 1/1", "ACK 2/2")
	})
}

func TestRetransmittedFINIsAcknowledgedAtOnce(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliver(fin, 1, 1, 0)
		r.write(ack, 1, 2, 0)
		r.wire()
		r.delivered = nil
		r.deliver(fin, 1, 1, 0) // in place of the ACK that is held
		r.wire("ACK 1/2")
		r.deliver(fin, 1, 1, 0) // each one, which netstack would not do
		r.wire("ACK 1/2")
		r.arrived()
		r.pass(time.Second)
		r.wire()
	})
}

func TestHandshakeIsNeverHeld(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.write(syn, 0, 0, 0)
		r.deliver(synAck, 0, 1, 0)
		r.write(ack, 1, 1, 0)
		got := r.sent()
		if len(got) != 2 || got[1].Flags != ack {
			t.Fatalf("on the wire: %v", got)
		}
	})
}

// RFC 7323 4.3: the echo is of the earliest segment being acknowledged.
func TestTSecrOfTheOldest(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliver(psh, 1, 1, 10)
		oldest := r.ts
		r.write(ack, 1, 11, 0)
		r.deliver(psh, 11, 1, 10)
		r.write(ack, 1, 21, 0)
		r.write(psh, 1, 21, 5)
		if got := r.wire("PSH+ACK 1/21"); got[0].TSEcr != oldest {
			t.Errorf("carried: TSecr %d, want %d", got[0].TSEcr, oldest)
		}
		r.deliver(psh, 21, 6, 10)
		oldest = r.ts
		r.write(ack, 6, 31, 0)
		r.deliver(fin, 31, 6, 0)
		r.write(ack, 6, 32, 0)
		r.pass(40 * ms)
		if got := r.wire("ACK 6/32"); got[0].TSEcr != oldest {
			t.Errorf("expired: TSecr %d, want %d", got[0].TSEcr, oldest)
		}
	})
}

// A retransmission or probe that says less than the held ACK does not end it.
func TestOlderACKDoesNotSupersede(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.deliver(psh, 1, 1, 10)
		r.write(ack, 1, 11, 0)
		r.write(psh, 1, 1, 5)
		r.wire("PSH+ACK 1/1")
		r.pass(40 * ms)
		got := r.sent()
		if len(got) != 1 || got[0].Ack != peerISN+11 {
			t.Errorf("on the wire: %v", got)
		}
	})
}

func TestNothingHeldAcrossRST(t *testing.T) {
	for _, byHost := range []bool{false, true} {
		eachFamily(t, func(t *testing.T, r *rig) {
			r.connect()
			r.deliver(psh, 1, 1, 10)
			r.write(ack, 1, 11, 0)
			if byHost {
				r.write(rst|ack, 1, 11, 0)
				r.wire("RST+ACK 1/11")
			} else {
				r.deliver(rst, 11, 0, 0)
			}
			r.pass(time.Second)
			r.wire()
			if n := r.ep.Flows(); n != 0 {
				t.Errorf("%d flows left after a RST", n)
			}
			if last := r.events[len(r.events)-1]; last != "superseded ACK" {
				t.Errorf("last event %q: the held ACK went without a word", last)
			}
		})
	}
}

func TestSwitchingOffAndClosingFlush(t *testing.T) {
	for name, end := range map[string]func(*rig){
		"off":   func(r *rig) { r.set.SetInt(tunable.DelayedACK, 0) },
		"close": func(r *rig) { r.ep.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			eachFamily(t, func(t *testing.T, r *rig) {
				r.connect()
				r.deliver(fin, 1, 1, 0)
				r.write(ack, 1, 2, 0)
				r.wire()
				end(r)
				r.wire("ACK 1/2")
				r.pass(time.Second)
				r.wire()
			})
		})
	}
}

func TestDelayChangesWhileRunning(t *testing.T) {
	r := newRig(t, false)
	r.set.SetInt(tunable.DelayedACKms, 400)
	r.connect()
	r.deliver(fin|segment.PSH, 1, 1, 10)
	r.write(ack, 1, 12, 0)
	r.set.SetInt(tunable.DelayedACKms, 5)
	r.peerPort++ // another connection, whose shorter deadline comes first
	r.connect()
	r.deliver(fin|segment.PSH, 1, 1, 20)
	r.write(ack, 1, 22, 0)
	r.pass(5 * ms)
	r.wire("ACK 1/22")
	r.pass(394 * ms)
	r.wire()
	r.pass(1 * ms)
	r.wire("ACK 1/12")
}

func TestEventsOfAHold(t *testing.T) {
	r := newRig(t, false)
	var got []Event
	r.ep.tap = func(e *Event) {
		c := *e
		if e.Step != nil {
			step := *e.Step
			c.Step = &step
		}
		got = append(got, c)
	}
	r.connect()
	r.deliver(fin|segment.PSH, 1, 1, 10)
	r.write(ack, 1, 12, 0)
	r.pass(11 * ms)
	got = nil
	r.write(fin, 1, 12, 0)
	if len(got) != 3 {
		t.Fatalf("%d events, want host, superseded, wire", len(got))
	}
	if e := got[0]; e.Kind != Seen || e.Point != Host || e.Hold != flow.NotHeld {
		t.Errorf("at the host: %+v", e)
	}
	if e := got[1]; e.Kind != Superseded || e.Held != 11*ms {
		t.Errorf("superseded: %+v", e)
	}
	e := got[2]
	if e.Kind != Seen || e.Point != Wire || e.Hold != flow.Carried || e.Held != 11*ms || e.Flow != 1 || e.HostSide != flow.Server {
		t.Errorf("at the wire: %+v", e)
	}
	if e.Step.After != [2]flow.State{flow.TimeWait, flow.LastAck} {
		t.Errorf("states %v", e.Step.After)
	}
}
