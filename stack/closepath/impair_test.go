package closepath

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/stack/impair"
	"lastack/stack/segment"
	"lastack/stack/tunable"
)

// impair sets rules, with delayed ACK out of the way.
func (r *rig) impair(lines ...string) {
	r.t.Helper()
	if err := r.set.SetInt(tunable.DelayedACK, 0); err != nil {
		r.t.Fatal(err)
	}
	r.ep.SetImpairments(parseRules(r.t, lines...))
}

func parseRules(t *testing.T, lines ...string) []impair.Rule {
	t.Helper()
	var rules []impair.Rule
	for _, l := range lines {
		rule, err := impair.Parse(l)
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, rule)
	}
	return rules
}

// arrived compares what netstack got since the last call.
func (r *rig) arrived(want ...string) {
	r.t.Helper()
	if !slices.Equal(r.delivered, want) {
		r.t.Fatalf("netstack got %q, want %q", r.delivered, want)
	}
	r.delivered = nil
}

// wireSaw has the rig record what the wire tap sees, with what befell it.
func (r *rig) wireSaw() *[]string {
	var saw []string
	r.ep.tap = func(e *Event) {
		if e.Point != Wire {
			return
		}
		s := fmt.Sprintf("%s %s %s", e.Kind, e.Dir, e.Seg.Flags)
		if e.Rule != nil {
			s += ": " + e.Rule.Action.String()
		}
		saw = append(saw, s)
	}
	return &saw
}

func sameLines(t *testing.T, what string, got *[]string, want ...string) {
	t.Helper()
	if !slices.Equal(*got, want) {
		t.Errorf("%s:\n  %s\nwant:\n  %s", what, strings.Join(*got, "\n  "), strings.Join(want, "\n  "))
	}
}

// TestDropOut: a FIN that is lost on its way out was not on the wire; sent again
// it is.
func TestDropOut(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.impair("drop the 1st FIN from host")
		saw := r.wireSaw()
		r.write(fin, 1, 1, 0)
		r.wire()
		r.write(fin, 1, 1, 0)
		r.wire("FIN+ACK 1/1")
		sameLines(t, "the tap", saw, "impaired out FIN+ACK: drop", "seen out FIN+ACK")
		r.deliver(fin, 1, 2, 0)
		r.write(ack, 2, 2, 0)
		r.wire("ACK 2/2")
		if r.ep.TimeWaits() != 1 {
			t.Error("not in TIME_WAIT after a FIN that was lost once")
		}
	})
}

// TestDropIn: a FIN that is lost on its way in was on the wire, and the host has
// not received it.
func TestDropIn(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.impair("drop the 1st FIN from peer")
		r.write(fin, 1, 1, 0)
		r.deliver(ack, 1, 2, 0)
		r.wire("FIN+ACK 1/1")
		r.delivered = nil
		saw := r.wireSaw()
		r.deliver(fin, 1, 2, 0)
		r.arrived()
		sameLines(t, "the tap", saw, "seen in FIN+ACK: drop", "impaired in FIN+ACK: drop")
		if r.ep.Flows() != 1 {
			t.Error("the host acts on a FIN that it has not received")
		}
		r.deliver(fin, 1, 2, 0)
		r.arrived("FIN+ACK")
		r.write(ack, 2, 2, 0)
		r.wire("ACK 2/2")
		if r.ep.TimeWaits() != 1 {
			t.Error("not in TIME_WAIT after the FIN came again")
		}
	})
}

// TestPeersLastACKLost: the host stays in LAST_ACK until the peer acknowledges its
// FIN once more.
func TestPeersLastACKLost(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.impair("drop the 1st pure ACK of a FIN from peer")
		r.deliver(fin, 1, 1, 0)
		r.write(fin, 1, 2, 0)
		r.deliver(ack, 2, 2, 0)
		if r.ep.Flows() != 1 {
			t.Error("the connection ended by an ACK that was lost")
		}
		r.write(fin, 1, 2, 0)
		r.deliver(ack, 2, 2, 0)
		r.wire("FIN+ACK 1/2", "FIN+ACK 1/2")
		if r.ep.Flows() != 0 || !slices.Equal(r.phases, []string{"gone"}) {
			t.Errorf("%d flows, phases %v after the ACK", r.ep.Flows(), r.phases)
		}
	})
}

// TestLastACKLost: the host has sent it and is in TIME_WAIT, which answers each
// FIN that comes again; lost answers count on.
func TestLastACKLost(t *testing.T) {
	for lost, rule := range map[int]string{
		1: "drop the 1st pure ACK of a FIN from host",
		3: "drop the first 3 ACKs of a FIN from host",
	} {
		eachFamily(t, func(t *testing.T, r *rig) {
			r.connect()
			r.impair(rule)
			r.write(fin, 1, 1, 0)
			r.deliver(fin, 1, 2, 0)
			r.write(ack, 2, 2, 0)
			r.wire("FIN+ACK 1/1")
			if r.ep.TimeWaits() != 1 || r.ep.Flows() != 0 {
				t.Fatalf("%d in TIME_WAIT, %d flows after the last ACK was sent", r.ep.TimeWaits(), r.ep.Flows())
			}
			r.alive, r.delivered = false, nil
			for range lost - 1 {
				r.pass(200 * ms)
				r.deliver(fin, 1, 2, 0)
				r.wire()
			}
			r.pass(200 * ms)
			r.deliver(fin, 1, 2, 0)
			r.wire("ACK 2/2")
			r.arrived()
		})
	}
}

// TestLastACKLostForEver: each FIN starts 2MSL again, and the counts go with the
// record.
func TestLastACKLostForEver(t *testing.T) {
	eachFamily(t, func(t *testing.T, r *rig) {
		r.connect()
		r.impair("drop every pure ACK of a FIN from host", "drop the 100th FIN from host")
		r.write(fin, 1, 1, 0)
		r.deliver(fin, 1, 2, 0)
		r.write(ack, 2, 2, 0)
		r.wire("FIN+ACK 1/1")
		r.alive = false
		wait := 200 * ms
		for range 9 {
			r.pass(wait)
			wait *= 2
			r.deliver(fin, 1, 2, 0)
			if r.ep.TimeWaits() != 1 {
				t.Fatalf("no TIME_WAIT after %s", wait)
			}
		}
		r.wire()
		if len(r.ep.impair.waiting) != 1 {
			t.Errorf("counts of %d connections in TIME_WAIT, want 1", len(r.ep.impair.waiting))
		}
		r.pass(twoMSL - time.Second)
		if r.ep.TimeWaits() != 1 {
			t.Error("2MSL did not start again")
		}
		r.pass(2 * time.Second)
		if r.ep.TimeWaits() != 0 || len(r.ep.impair.waiting) != 0 {
			t.Errorf("%d in TIME_WAIT, %d counts after 2MSL", r.ep.TimeWaits(), len(r.ep.impair.waiting))
		}
	})
}

// TestLostReset: the host has reset the connection, so it is gone; what the peer
// still sends is answered with another RST.
func TestLostReset(t *testing.T) {
	r := newRig(t, false)
	r.connect()
	r.impair("drop the 1st RST from host")
	r.write(rst|ack, 1, 1, 0)
	r.wire()
	if r.ep.Flows() != 0 {
		t.Error("a flow is left of a connection that the host has reset")
	}
	r.alive = false
	r.delivered = nil
	r.deliver(psh, 1, 1, 5)
	r.arrived()
	if got := r.sent(); len(got) != 1 || !got[0].Flags.Has(rst) {
		t.Errorf("on the wire: %v, want the second RST", got)
	}
}

// TestEmbryoOfALostSYN: the SYN is counted in its connection when it comes again.
func TestEmbryoOfALostSYN(t *testing.T) {
	r := newRig(t, false)
	r.impair("drop the first 2 SYNs from peer", "drop the 1st SYN+ACK from host")
	for range 2 {
		r.deliver(syn, 0, 0, 0)
		r.arrived()
	}
	r.deliver(syn, 0, 0, 0)
	r.arrived("SYN")
	r.write(synAck, 0, 1, 0)
	r.wire()
	r.write(synAck, 0, 1, 0)
	r.wire("SYN+ACK 0/1")
}

// TestStraysAreImpaired: a segment of no connection falls to a rule that counts
// nothing.
func TestStraysAreImpaired(t *testing.T) {
	for rule, want := range map[string]int{
		"drop every RST from host": 0, "drop the 1st RST from host": 1, "drop the 1st of all RSTs from host": 0,
		"duplicate every RST from host": 2,
	} {
		r := newRig(t, false)
		r.impair(rule)
		r.write(rst, 1, 0, 0)
		if got := len(r.sent()); got != want {
			t.Errorf("%s: %d on the wire, want %d", rule, got, want)
		}
	}
	r := newRig(t, false)
	r.impair("delay every RST from host by 5 ms")
	r.write(rst, 1, 0, 0)
	r.wire()
	r.pass(5 * ms)
	if got := len(r.sent()); got != 1 {
		t.Errorf("%d on the wire after the delay, want 1", got)
	}
}

// TestRulesThatNeverHit change nothing.
func TestRulesThatNeverHit(t *testing.T) {
	for round := range uint64(50) {
		run := func(rules ...string) map[segment.Tuple][]uint32 {
			return traffic(t, rand.New(rand.NewPCG(7, round)), rules...).ofConnections()
		}
		if !maps.EqualFunc(run(), run("drop the 1000000th segment from either"), slices.Equal) {
			t.Fatalf("round %d: the wire is another", round)
		}
	}
}

// TestDelayLosesNothing, nor do the rules that are beside it here.
func TestDelayLosesNothing(t *testing.T) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("repeat with -seed %d", s)
	for round := range uint64(100) {
		rnd := rand.New(rand.NewPCG(s, round))
		rule := fmt.Sprintf("delay %d%% of segments from either by %d ms", 1+rnd.IntN(100), 1+rnd.IntN(60))
		traffic(t, rnd, rule, "reorder 10% of segments from either")
		if t.Failed() {
			t.Fatalf("round %d: %s", round, rule)
		}
	}
}
