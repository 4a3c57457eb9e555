package stack

import (
	"runtime"
	"testing"
	"time"

	"lastack/stack/closepath"
	"lastack/stack/segment"
)

// portRig is a ports whose surroundings are set by hand.
type portRig struct {
	ports
	now   time.Duration
	heard map[uint16]time.Duration // in TIME_WAIT
	plain map[uint16]bool          // of those: without timestamps
	gone  map[uint16]bool          // what is left of it: nothing
	dest  destination
}

func newPortRig() *portRig {
	r := &portRig{heard: map[uint16]time.Duration{}, plain: map[uint16]bool{}, gone: map[uint16]bool{}}
	r.clock = func() time.Duration { return r.now }
	r.waiting = func(t segment.Tuple) (bool, time.Duration, bool) {
		at, ok := r.heard[t.Src.Port]
		return !r.plain[t.Src.Port], at, ok
	}
	r.exists = func(t segment.Tuple) bool {
		// A connection that is locked calls follow, and this locks it.
		if !r.mu.TryLock() {
			panic("a port is asked about while the ports are locked")
		}
		r.mu.Unlock()
		return !r.gone[t.Src.Port]
	}
	r.dest.remote.Port = 80
	r.now = time.Hour
	return r
}

// fill takes every port and returns them.
func (r *portRig) fill(t *testing.T, lo, hi uint16) map[uint16]bool {
	t.Helper()
	got := map[uint16]bool{}
	for range int(hi) - int(lo) + 1 {
		p, ok := r.pick(r.dest, lo, hi, reuse{})
		if !ok || p < lo || p > hi || got[p] {
			t.Fatalf("port %d of %d to %d: %v, already taken %v", p, lo, hi, ok, got[p])
		}
		got[p] = true
	}
	if p, ok := r.pick(r.dest, lo, hi, reuse{}); ok {
		t.Fatalf("%d to %d: one port too many: %d", lo, hi, p)
	}
	return got
}

func TestPickTakesEachPortOnce(t *testing.T) {
	for _, lim := range [][2]uint16{{1, 1}, {1, 65535}, {20000, 20099}, {63, 64}, {64, 127}, {65535, 65535}, {32768, 60999}} {
		r := newPortRig()
		r.fill(t, lim[0], lim[1])
		other := r.dest
		other.remote.Port = 81
		if _, ok := r.pick(other, lim[0], lim[1], reuse{}); !ok {
			t.Errorf("%v: no port to another destination", lim)
		}
	}
}

// TestDestinationsAreSmall: most have one connection.
func TestDestinationsAreSmall(t *testing.T) {
	const dests = 10_000
	r := newPortRig()
	before := heapInUse()
	for i := range dests {
		d := r.dest
		d.remote.Addr[0], d.remote.Addr[1] = byte(i), byte(i>>8)
		p, ok := r.pick(d, 32768, 60999, reuse{})
		if !ok {
			t.Fatal("no port")
		}
		if i%2 == 0 {
			r.follow(d.tuple(p), closepath.Waiting)
		}
	}
	if each := int64(heapInUse()-before) / dests; each > 2<<10 {
		t.Errorf("%d bytes a destination", each)
	}
	if len(r.dests) != dests {
		t.Errorf("%d destinations", len(r.dests))
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestPickAfterGone(t *testing.T) {
	r := newPortRig()
	r.fill(t, 100, 199)
	r.follow(r.dest.tuple(150), closepath.Gone)
	r.follow(r.dest.tuple(150), closepath.Gone) // twice does no harm
	if p, ok := r.pick(r.dest, 100, 199, reuse{}); !ok || p != 150 {
		t.Errorf("picked %d, %v, want 150", p, ok)
	}
	for host := range 10 * idleDests {
		d := r.dest
		d.remote.Addr[15] = byte(host)
		d.remote.Port = uint16(host)
		p, _ := r.pick(d, 100, 199, reuse{})
		r.follow(d.tuple(p), closepath.Gone)
	}
	if n := len(r.dests); n > idleDests+1 {
		t.Errorf("%d destinations are kept of which no port is taken", n)
	}
}

func (r *portRig) wait(p uint16) {
	r.heard[p] = r.now
	r.follow(r.dest.tuple(p), closepath.Waiting)
}

func TestPickReuses(t *testing.T) {
	r := newPortRig()
	r.fill(t, 1, 4)
	once := reuse{allowed: true, delay: time.Second}
	for p := uint16(1); p <= 4; p++ {
		r.wait(p)
		r.now += 100 * time.Millisecond
	}
	r.plain[1] = true                               // never
	r.heard[2] = r.now + 500*time.Millisecond       // restarted
	delete(r.heard, 3)                              // over, but not yet told
	r.now += time.Second - 250*time.Millisecond + 2 // 3 and the ones before have had their second
	if p, ok := r.pick(r.dest, 1, 4, once); ok {
		t.Fatalf("picked %d too early", p)
	}
	r.now += 200 * time.Millisecond
	if p, ok := r.pick(r.dest, 1, 4, once); !ok || p != 4 {
		t.Fatalf("picked %d, %v, want 4", p, ok)
	}
	r.now += time.Second
	if p, ok := r.pick(r.dest, 1, 4, once); !ok || p != 2 {
		t.Fatalf("picked %d, %v, want the restarted 2", p, ok)
	}
	r.now += time.Hour
	if p, ok := r.pick(r.dest, 1, 4, once); ok {
		t.Fatalf("picked %d, whose connection had no timestamps", p)
	}
	if p, ok := r.pick(r.dest, 1, 4, reuse{}); ok {
		t.Fatalf("picked %d with tcp_tw_reuse=0", p)
	}
}

func TestPickReconciles(t *testing.T) {
	r := newPortRig()
	r.fill(t, 1, 3) // looks over the range at its end
	r.gone[2] = true
	if _, ok := r.pick(r.dest, 1, 3, reuse{}); ok {
		t.Error("looked over the range again at once")
	}
	r.now += reconcileEvery
	if p, ok := r.pick(r.dest, 1, 3, reuse{}); !ok || p != 2 {
		t.Errorf("picked %d, %v, want 2, of which nothing is left", p, ok)
	}
}

// TestPickPassesOverTimeWait: what the close path has in TIME_WAIT is taken.
func TestPickPassesOverTimeWait(t *testing.T) {
	r := newPortRig()
	r.heard[1], r.heard[3] = r.now, r.now
	if p, ok := r.pick(r.dest, 1, 3, reuse{}); !ok || p != 2 {
		t.Errorf("picked %d, %v, want 2", p, ok)
	}
	if p, ok := r.pick(r.dest, 1, 3, reuse{}); ok {
		t.Errorf("picked %d", p)
	}
}

func BenchmarkPick(b *testing.B) {
	for _, free := range []int{28232, 1} {
		b.Run(map[bool]string{true: "all-free", false: "one-free"}[free > 1], func(b *testing.B) {
			r := newPortRig()
			for range 28232 - free {
				r.pick(r.dest, 32768, 60999, reuse{})
			}
			for b.Loop() {
				p, ok := r.pick(r.dest, 32768, 60999, reuse{})
				if !ok {
					b.Fatal("no port")
				}
				r.follow(r.dest.tuple(p), closepath.Gone)
			}
		})
	}
}
