package timewait

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// indexed is an index with its pool, beside a map of what is in it.
type indexed struct {
	*testing.T
	pool  pool[key4]
	index index[key4]
	hash  func(*key4) uint32
	slots map[key4]uint32
}

// newIndexed has the numbers of the keys and a function of them for the hash.
func newIndexed(t *testing.T, hash func(n uint32) uint32) *indexed {
	return &indexed{
		T: t, slots: map[key4]uint32{},
		hash: func(k *key4) uint32 { return hash(binary.BigEndian.Uint32(k[:])) },
	}
}

func numbered(n int) (k key4) {
	binary.BigEndian.PutUint32(k[:], uint32(n))
	return k
}

func (x *indexed) add(n int) {
	k := numbered(n)
	if x.index.full() {
		x.index.rebuild(&x.pool, len(x.slots), x.hash)
	}
	i, place := x.index.find(&x.pool, &k, x.hash(&k))
	if i != x.slots[k] {
		x.Fatalf("key %d: slot %d found, want %d", n, i, x.slots[k])
	}
	if i != 0 {
		return
	}
	i = x.pool.alloc()
	x.pool.at(i).key, x.pool.at(i).flags = k, used
	x.index.insert(place, x.hash(&k), i)
	x.slots[k] = i
}

func (x *indexed) remove(n int) {
	k := numbered(n)
	if i, there := x.slots[k]; there {
		x.index.remove(x.hash(&k), i)
		x.pool.release(i)
		delete(x.slots, k)
	}
}

// check finds each key, and holds the entries against what is said of them.
func (x *indexed) check(keys int) {
	x.Helper()
	for n := range keys {
		k := numbered(n)
		if i, _ := x.index.find(&x.pool, &k, x.hash(&k)); i != x.slots[k] {
			x.Fatalf("key %d: slot %d found, want %d", n, i, x.slots[k])
		}
	}
	entries, filled, live := x.index.entries, 0, 0
	for at, e := range entries {
		if e != 0 {
			filled++
		}
		if e != 0 && e != removed {
			live++
		}
		if e == removed && entries[(at+1)%len(entries)] == 0 {
			x.Fatalf("the removed entry %d of %d has a free one behind it", at, len(entries))
		}
	}
	if filled != x.index.filled || live != len(x.slots) || filled > len(entries)/8*7 {
		x.Fatalf("of %d entries %d are filled and %d live, want %d and %d",
			len(entries), filled, live, x.index.filled, len(x.slots))
	}
}

// TestIndexAgainstMap adds and removes at random, with hashes that spread the
// keys, that crowd at the end of the table, that differ in their high bits only,
// and that are all the same.
func TestIndexAgainstMap(t *testing.T) {
	const keys = 300
	for name, hash := range map[string]func(uint32) uint32{
		"spread":  func(n uint32) uint32 { return n * 0x9e37_79b1 },
		"crowded": func(n uint32) uint32 { return n<<16 | 0xffff - n%3 },
		"high":    func(n uint32) uint32 { return n << 22 },
		"removed": func(n uint32) uint32 { return removed | n%2 },
		"same":    func(uint32) uint32 { return 0 },
	} {
		t.Run(name, func(t *testing.T) {
			x, rnd := newIndexed(t, hash), rand.New(rand.NewPCG(1, 2))
			for round := range 200 {
				for range 20 { // more is added in some rounds, more removed in others
					if n := rnd.IntN(keys); rnd.IntN(100) < round%100 {
						x.remove(n)
					} else {
						x.add(n)
					}
				}
				x.check(keys)
			}
		})
	}
}

// What comes and goes for long leaves removed entries behind, but the index gets
// neither larger than the number of slots demands, nor without a free entry.
func TestIndexStaysSmall(t *testing.T) {
	x := newIndexed(t, func(n uint32) uint32 { return n * 0x9e37_79b1 })
	for n := range 100_000 {
		x.add(n)
		x.remove(n - 900)
	}
	x.check(100_000)
	if n := len(x.index.entries); n != 2048 {
		t.Errorf("%d entries for %d slots, want 2048", n, len(x.slots))
	}
	for n := range 100_000 - 1 {
		x.remove(n)
	}
	x.check(100_000)
	if x.index.filled > 100 {
		t.Errorf("one slot is left, and %d entries are filled", x.index.filled)
	}
}

// A new entry takes the place of a removed one, if there is one on its way.
func TestIndexUsesRemovedEntriesAgain(t *testing.T) {
	x := newIndexed(t, func(uint32) uint32 { return leastEntries - 2 })
	for n := range 9 {
		x.add(n)
	}
	for n := range 8 { // the last one stays, and the others' entries with it
		x.remove(n)
		x.add(100 + n)
		x.check(110)
		if x.index.filled != 9 {
			t.Fatalf("%d entries are filled, want 9", x.index.filled)
		}
	}
}
