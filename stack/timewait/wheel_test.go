package timewait

import (
	"testing"
	"time"

	"lastack/stack/segment"
)

// expires runs Expire whenever Next says so, and tells when the record of the
// tuple went.
func expires(t *testing.T, tab *Table, tuple segment.Tuple, now time.Duration) time.Duration {
	t.Helper()
	for range 1000 {
		at, any := tab.Next(now)
		if !any {
			t.Fatalf("at %v Next has nothing to do, with %d records", now, tab.Len())
		}
		now = at
		tab.Expire(now)
		if _, ok := tab.Get(tuple, now); !ok {
			return now
		}
	}
	t.Fatalf("still there at %v", now)
	return 0
}

// onTime demands that a record goes no earlier than due and at most a tick late.
func onTime(t *testing.T, got, due time.Duration) {
	t.Helper()
	if late := got - due; late < 0 || late > tick {
		t.Errorf("due at %v, gone at %v: %v late", due, got, late)
	}
}

func TestExpiryWithinATick(t *testing.T) {
	const block = blockTicks * tick
	starts := []time.Duration{
		0, 1, time.Millisecond, tick - 1, tick, block - 1, block, block + 1, block - tick, 17*block + 5*time.Millisecond,
		blocks * block, blocks*block - 1, 1<<32*time.Millisecond - 2*block, // the 32-bit clock wraps after 49 days
		1<<32*time.Millisecond - 1, 1 << 32 * time.Millisecond, 1<<31*time.Millisecond - time.Second,
	}
	lives := []time.Duration{
		-1, 0, 1, time.Millisecond, tick, tick + 1, block - tick, block - 1, block, block + 1, 3*block + 1, life,
		480 * time.Second, (blocks - 1) * block, blocks*block - 1, blocks * block, 2*blocks*block + 3, 24 * time.Hour,
	}
	eachVersion(t, func(t *testing.T, tuple segment.Tuple) {
		for _, start := range starts {
			for _, l := range lives {
				tab := New(nil)
				tab.Add(recordOf(tuple, true, start), l, start)
				onTime(t, expires(t, tab, tuple, start), start+max(l, 0))
				if _, any := tab.Next(start); any || tab.Len() != 0 {
					t.Fatalf("start %v life %v: the table is not empty", start, l)
				}
			}
		}
	})
}

// A record that came when others had been there for long, in one shard, with
// Expire not called meanwhile: the wheel stands far behind the clock.
func TestWheelBehindTheClock(t *testing.T) {
	for _, idle := range []time.Duration{time.Second, 470 * time.Second, time.Hour} {
		tab := New(nil)
		for n := range 1000 {
			tab.Add(recordOf(tupleOf(4, n), false, 0), 479*time.Second, 0)
		}
		for n := range 1000 {
			tab.Add(recordOf(tupleOf(4, 1000+n), false, idle), 480*time.Second, idle)
		}
		tab.Expire(idle)
		if _, ok := tab.Get(tupleOf(4, 5), idle); ok != (idle < 479*time.Second) {
			t.Errorf("after %v: an old record is there: %v", idle, ok)
		}
		onTime(t, expires(t, tab, tupleOf(4, 1003), idle), idle+480*time.Second)
	}
}

func TestRestart(t *testing.T) {
	eachVersion(t, func(t *testing.T, tuple segment.Tuple) {
		for _, restarted := range []time.Duration{life, time.Second, time.Millisecond, 8 * life} {
			tab := New(nil)
			tab.Add(recordOf(tuple, false, 0), life, 0)
			now := 30 * time.Second
			tab.Expire(now)
			if _, r := tab.Arrive(from(tuple, ack, 0, 0), now, &Rules{Life: restarted}); r.Left != restarted {
				t.Errorf("%v left, want %v", r.Left, restarted)
			}
			onTime(t, expires(t, tab, tuple, now), now+restarted)
		}
	})
}

// FIN after FIN keeps a record alive beyond what the 32-bit clock can tell.
func TestRestartAcrossTheWrap(t *testing.T) {
	tab, tuple := New(nil), tupleOf(6, 1)
	now := 1<<32*time.Millisecond - 5*life
	tab.Add(recordOf(tuple, true, now), life, now)
	for range 10 {
		now += life - time.Second
		tab.Expire(now)
		v, r := tab.Arrive(stamped(from(tuple, fin|ack, -1, 0), 0), now, &Rules{Life: life})
		if v != Reply || r.Left != life {
			t.Fatalf("at %v: %v, %v left", now, v, r.Left)
		}
	}
	r, _ := tab.Get(tuple, now)
	if age := now - r.Heard; age != 10*(life-time.Second) || r.TSVal != ourTS+uint32(age/time.Millisecond) {
		t.Errorf("heard %v ago, TSval %d", age, r.TSVal)
	}
	onTime(t, expires(t, tab, tuple, now), now+life)
}

func TestNextComesForward(t *testing.T) {
	tab := New(nil)
	if _, any := tab.Next(0); any {
		t.Error("an empty table has something to do")
	}
	tab.Add(recordOf(tupleOf(4, 1), false, 0), life, 0)
	late, _ := tab.Next(0)
	tab.Add(recordOf(tupleOf(6, 2), false, 0), time.Second, 0)
	if soon, _ := tab.Next(0); late > life || soon != time.Second {
		t.Errorf("Next %v, with a shorter life %v", late, soon)
	}
	tab.Remove(tupleOf(6, 2), 0)
	if at, _ := tab.Next(0); at != late {
		t.Errorf("Next %v when that was removed, want %v again", at, late)
	}
	if at, any := tab.Next(2 * life); at != 2*life || !any {
		t.Errorf("overdue: %v, %v", at, any)
	}
}
