package timewait

import "unsafe"

// leastEntries is how many entries an index has at first.
const leastEntries = 64

// removed stands where an entry was, so that a search goes on behind it: it is
// no slot, under a mark that sets it apart from what is free.
const removed = 1 << 31

// index finds a slot by the hash of its key: open addressing with linear
// probing. The low bits of a hash say where its entry should stand. An entry has
// the rest of the hash, and in the place of the low bits the number of the slot,
// for which there is always room: the index has more entries than its pool has
// slots, and neither gets smaller. So a search reads hardly a slot but that of
// its key, and one that finds nothing mostly reads one or two cache lines.
//
// Numbers of slots may have 31 bits, as in the wheel, so that memory is the only
// limit. The more entries, the fewer bits are left to tell keys apart, 18 in a
// shard of a table of 600,000 records.
type index[K key] struct {
	entries []uint32 // a power of 2; 0 is free
	filled  int      // how many are not free
}

// find returns the slot of a key, or else 0 and the place for its entry, which
// is good until the index changes.
func (ix *index[K]) find(p *pool[K], k *K, hash uint32) (slot, place uint32) {
	if len(ix.entries) == 0 {
		return 0, 0
	}
	mask := uint32(len(ix.entries) - 1)
	again := false // place is that of a removed entry
	for at := hash & mask; ; at = (at + 1) & mask {
		e := ix.entries[at]
		if e == 0 {
			if !again {
				place = at
			}
			return 0, place
		}
		if e == removed {
			if !again {
				again, place = true, at
			}
			continue
		}
		if (e^hash)&^mask == 0 && p.at(e&mask).key == *k {
			return e & mask, at
		}
	}
}

// full reports whether the index has to be rebuilt before it takes one more entry.
func (ix *index[K]) full() bool { return ix.filled >= len(ix.entries)/8*7 }

// insert adds slot i at the place that find gave for it. The index must not be
// full.
func (ix *index[K]) insert(place, hash, i uint32) {
	if ix.entries[place] == 0 {
		ix.filled++
	}
	ix.entries[place] = hash&^uint32(len(ix.entries)-1) | i
}

// remove takes out slot i, which must be there. Where a search would end behind
// its entry anyway, that becomes free, with the removed ones before it. So a
// removed entry always has a live one somewhere behind it, and an index from
// which nearly all is gone is nearly all free.
func (ix *index[K]) remove(hash, i uint32) {
	mask := uint32(len(ix.entries) - 1)
	at := hash & mask
	for ix.entries[at] == removed || ix.entries[at]&mask != i {
		at = (at + 1) & mask
	}
	ix.entries[at] = removed
	if ix.entries[(at+1)&mask] != 0 {
		return
	}
	for ; ix.entries[at] == removed; at = (at - 1) & mask {
		ix.entries[at] = 0
		ix.filled--
	}
}

// rebuild makes the index anew, without removed entries, from the n slots that
// the pool has in use, and doubles it if these alone would soon fill it again.
// It reads the slots in the order of memory, and takes some 40 ns for each.
func (ix *index[K]) rebuild(p *pool[K], n int, hash func(*K) uint32) {
	size := max(len(ix.entries), leastEntries)
	if n >= size/4*3 {
		size *= 2
	}
	ix.entries, ix.filled = make([]uint32, size), n
	mask := uint32(size - 1)
	for i := range p.top {
		s := p.at(i)
		if !s.has(used) {
			continue
		}
		h := hash(&s.key)
		at := h & mask
		for ix.entries[at] != 0 {
			at = (at + 1) & mask
		}
		ix.entries[at] = h&^mask | i
	}
}

func (ix *index[K]) bytes() int {
	return len(ix.entries) * int(unsafe.Sizeof(ix.entries[0]))
}
