package closepath

import "testing"

// TestFINTimer: it runs from the FIN until its ACK, and doubles with each copy.
func TestFINTimer(t *testing.T) {
	r := newRig(t, false)
	r.shakeHands(false)
	tuple := r.seg(true, ack, 1, 1).Tuple
	flight := func(n uint32, fin bool) {
		t.Helper()
		if got, finSent, ok := r.ep.InFlight(tuple); got != n || finSent != fin || !ok {
			t.Errorf("%d in flight, FIN sent %v, known %v; want %d, %v", got, finSent, ok, n, fin)
		}
	}
	flight(0, false)
	want := func(want FINTimer, runs bool) {
		t.Helper()
		if got, ok := r.ep.FINTimer(tuple); ok != runs || got != want {
			t.Errorf("%+v, %v; want %+v, %v", got, ok, want, runs)
		}
	}
	want(FINTimer{}, false)
	r.write(fin, 1, 1, 0)
	r.wire("FIN+ACK 1/1")
	want(FINTimer{Left: 200 * ms, Whole: 200 * ms}, true)
	flight(1, true)
	r.pass(50 * ms)
	want(FINTimer{Left: 150 * ms, Whole: 200 * ms}, true)
	r.pass(170 * ms)
	r.wire("FIN+ACK 1/1")
	if got, ok := r.ep.FINTimer(tuple); !ok || got.Copies != 1 || got.Whole != 400*ms || got.Left > got.Whole {
		t.Errorf("after a copy: %+v, %v", got, ok)
	}
	r.deliver(ack, 1, 2, 0)
	want(FINTimer{}, false)
	flight(0, true)
}
