package soak

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"lastack/tun/tuntest"
)

// ipv4 is how a packet begins that a device takes.
const ipv4 = 0x45

// carried is what comes out of a wire of n packets that each have their number: as many as
// its fates let through.
func carried(t *testing.T, n int, b Badness) []byte {
	t.Helper()
	from, near := tuntest.Pair(0)
	far, to := tuntest.Pair(0)
	w, err := b.join(near, far)
	if err != nil {
		t.Fatal(err)
	}
	fates, want := &lane{bad: b, rand: rand.New(rand.NewPCG(b.Seed, 0))}, 0
	for i := range n {
		copies, _ := fates.fate()
		want += copies
		if _, err := from.Write([]byte{ipv4, byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	watchdog := time.AfterFunc(time.Minute, func() { _ = to.Close() })
	defer watchdog.Stop()
	var got []byte
	buf := make([]byte, 1500)
	for range want {
		k, err := to.Read(buf)
		if err != nil {
			t.Fatalf("of %d packets came %d: %v", want, len(got), err)
		}
		got = append(got, buf[1:k]...)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWire(t *testing.T) {
	const n = 200
	sent := make([]byte, n)
	for i := range sent {
		sent[i] = byte(i)
	}
	if got := carried(t, n, Badness{Delay: time.Millisecond}); !slices.Equal(got, sent) {
		t.Errorf("a good wire carried %v", got)
	}
	lossy := Badness{Seed: 3, Loss: 0.2}
	got := carried(t, n, lossy)
	if len(got) < n/2 || len(got) > n*9/10 || !slices.IsSorted(got) {
		t.Errorf("of %d packets came %d with a loss of 20%%", n, len(got))
	}
	if again := carried(t, n, lossy); !slices.Equal(got, again) {
		t.Errorf("the same seed lost others: %v and %v", got, again)
	}
	if got := carried(t, n, Badness{Seed: 3, Duplicate: 0.2}); len(got) < n*11/10 {
		t.Errorf("of %d packets came %d with 20%% twice", n, len(got))
	}
	got = carried(t, n, Badness{Seed: 3, Reorder: 0.1, Delay: 5 * time.Millisecond})
	if len(got) != n || slices.IsSorted(got) {
		t.Errorf("%d of %d packets came, in order %v", len(got), n, slices.IsSorted(got))
	}
}
