package timewait

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"lastack/stack/segment"
)

func TestAddGetRemove(t *testing.T) {
	eachVersion(t, func(t *testing.T, tuple segment.Tuple) {
		var gone int
		tab := New(func(segment.Tuple) { gone++ })
		want := *recordOf(tuple, true, time.Second)
		tab.Add(&want, life, 2*time.Second)
		want.Left = life
		if r, ok := tab.Get(tuple, 2*time.Second); !ok || r != want {
			t.Errorf("Get: %#v, %v\nwant %#v", r, ok, want)
		}
		want.SndNxt, want.HasTimestamps, want.TSRecent, want.TSVal, want.Heard = 9, false, 0, 0, 0
		tab.Add(&want, life, 3*time.Second)
		want.Left = life - 1500*time.Microsecond
		if r, ok := tab.Remove(tuple, 3001500*time.Microsecond); !ok || r != want {
			t.Errorf("Remove: %#v, %v\nwant the replacement %#v", r, ok, want)
		}
		if _, ok := tab.Remove(tuple, 0); ok || tab.Len() != 0 || gone != 0 {
			t.Errorf("%d records left, %d reported gone", tab.Len(), gone)
		}
	})
}

// gone may use the table, which has let go of the record by then.
func TestGoneMayUseTheTable(t *testing.T) {
	var tab *Table
	var lens []int
	tab = New(func(tuple segment.Tuple) {
		if _, ok := tab.Get(tuple, life); ok {
			t.Errorf("%v is gone and there", tuple)
		}
		lens = append(lens, tab.Len())
		tab.Add(recordOf(tupleOf(6, tab.Len()), false, life), life, life)
	})
	tab.Add(recordOf(tupleOf(4, 1), false, 0), life, 0)
	if n := tab.Expire(life); n != 1 || len(lens) != 1 || lens[0] != 0 || tab.Len() != 1 {
		t.Errorf("%d expired, %v records at that, %d now", n, lens, tab.Len())
	}
}

func TestEach(t *testing.T) {
	tab, want := New(nil), map[segment.Tuple]bool{}
	for n := range 3000 {
		tuple := tupleOf(4+n%2*2, n)
		tab.Add(recordOf(tuple, false, 0), life, 0)
		want[tuple] = true
	}
	tab.Each(0, func(r *Record) bool {
		if !want[r.Tuple] {
			t.Errorf("%v comes twice or was never there", r.Tuple)
		}
		delete(want, r.Tuple)
		tab.Remove(r.Tuple, 0) // no lock is held
		return true
	})
	if len(want) != 0 || tab.Len() != 0 {
		t.Errorf("%d records not shown, %d left", len(want), tab.Len())
	}
	for n := range 10 {
		tab.Add(recordOf(tupleOf(4+n%2*2, n), false, 0), life, 0)
	}
	shown := 0
	tab.Each(0, func(*Record) bool { shown++; return shown < 7 })
	if shown != 7 {
		t.Errorf("%d shown after false at the 7th", shown)
	}
}

func TestEmptyTableHoldsNoMemory(t *testing.T) {
	tab := New(nil)
	empty := tab.Bytes()
	for n := range 20_000 {
		tab.Add(recordOf(tupleOf(4+n%2*2, n), false, 0), life, 0)
	}
	if full := tab.Bytes(); full < 20_000*56 {
		t.Errorf("%d bytes for 20000 records", full)
	}
	if n := tab.Expire(life); n != 20_000 || tab.Bytes() != empty {
		t.Errorf("%d expired, %d bytes held, %d when new", n, tab.Bytes(), empty)
	}
}

// At the size of the claim "10,000 connections a second, 60 seconds", a record
// takes 64 bytes at most, all told.
func TestBytesPerRecord(t *testing.T) {
	const records = 600_000
	for version, most := range map[int]float64{4: 64, 6: 88} {
		tab := New(nil)
		for n := range records {
			tab.Add(recordOf(tupleOf(version, n), true, 0), life, 0)
		}
		if per := float64(tab.Bytes()) / records; per > most {
			t.Errorf("IPv%d: %.1f bytes a record, want at most %v", version, per, most)
		}
	}
}

func TestArriveAllocatesNothing(t *testing.T) {
	tab, tuple := New(nil), tupleOf(6, 1)
	tab.Add(recordOf(tuple, true, 0), life, 0)
	known, unknown := from(tuple, fin|ack, -1, 0), from(tupleOf(4, 7), ack, 0, 0)
	ru := &Rules{Life: life}
	if n := testing.AllocsPerRun(100, func() {
		tab.Arrive(known, 0, ru)
		tab.Arrive(unknown, 0, ru)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestConcurrentUse has every method called from several goroutines on the same
// records; each record that was added goes once.
func TestConcurrentUse(t *testing.T) {
	var mu sync.Mutex
	added, removed, gone := 0, 0, 0
	tab := New(func(segment.Tuple) { mu.Lock(); gone++; mu.Unlock() })
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(worker)))
			for i := range 5000 {
				now := time.Duration(i) * time.Millisecond
				tuple := tupleOf(4+rnd.IntN(2)*2, worker<<16|rnd.IntN(500))
				other := tupleOf(4+rnd.IntN(2)*2, rnd.IntN(4)<<16|rnd.IntN(500))
				if _, ok := tab.Get(tuple, now); !ok {
					tab.Add(recordOf(tuple, true, now), time.Duration(rnd.IntN(1000))*time.Millisecond, now)
					mu.Lock()
					added++
					mu.Unlock()
				}
				tab.Arrive(from(other, segment.Flags(rnd.IntN(32)), 0, 0), now, &Rules{Life: time.Second})
				switch rnd.IntN(50) {
				case 0:
					tab.Expire(now)
				case 1:
					tab.Each(now, func(r *Record) bool { return r.SndNxt == sndNxt })
				case 2:
					tab.Next(now)
					tab.Bytes()
				default:
					if _, ok := tab.Remove(other, now); ok {
						mu.Lock()
						removed++
						mu.Unlock()
					}
				}
			}
		})
	}
	wg.Wait()
	tab.Expire(time.Hour)
	if added != removed+gone || tab.Len() != 0 {
		t.Errorf("%d added, %d removed, %d gone, %d left", added, removed, gone, tab.Len())
	}
}
