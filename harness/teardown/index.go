package teardown

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"

	"lastack/stack/segment"
)

// index finds the entry of a 4-tuple, whichever direction it is given in: a hash
// table of chains. It is a Table's hottest spot, and a map would want the tuple
// turned around and copied for each segment. The hash is seeded, so that no
// capture can be made to collide.
type index struct {
	seed    uint64
	buckets []*entry // a power of two of them
	n       int
}

const firstBuckets = 64

func newIndex() index {
	return index{seed: maphash.Bytes(maphash.MakeSeed(), nil) | 1, buckets: make([]*entry, firstBuckets)}
}

// hash is the same for both directions of a connection.
func (x *index) hash(t *segment.Tuple) uint64 {
	hi, lo := bits.Mul64(x.end(&t.Src)+x.end(&t.Dst), 0x9e3779b97f4a7c15)
	return hi ^ lo
}

func (x *index) end(e *segment.Endpoint) uint64 {
	a := binary.LittleEndian.Uint64(e.Addr[:8]) ^ uint64(e.Port)<<32 ^ x.seed
	b := binary.LittleEndian.Uint64(e.Addr[8:]) ^ uint64(e.Port) ^ x.seed>>7
	hi, lo := bits.Mul64(a, b|1<<63)
	return hi ^ lo
}

func (x *index) find(h uint64, t *segment.Tuple) *entry {
	for e := x.buckets[h&uint64(len(x.buckets)-1)]; e != nil; e = e.chain {
		if e.hash == h && (e.client == t.Src && e.server == t.Dst || e.client == t.Dst && e.server == t.Src) {
			return e
		}
	}
	return nil
}

// insert adds an entry whose hash is set.
func (x *index) insert(e *entry) {
	if x.n++; 2*x.n > len(x.buckets) {
		x.grow()
	}
	head := &x.buckets[e.hash&uint64(len(x.buckets)-1)]
	e.chain, *head = *head, e
}

func (x *index) remove(e *entry) {
	at := &x.buckets[e.hash&uint64(len(x.buckets)-1)]
	for *at != e {
		at = &(*at).chain
	}
	*at, e.chain = e.chain, nil
	x.n--
}

// grow doubles the number of chains.
func (x *index) grow() {
	old := x.buckets
	x.buckets = populate(make([]*entry, 2*len(old)))
	for _, e := range old {
		for e != nil {
			next := e.chain
			head := &x.buckets[e.hash&uint64(len(x.buckets)-1)]
			e.chain, *head = *head, e
			e = next
		}
	}
}

// clear forgets all entries.
func (x *index) clear() { x.buckets, x.n = make([]*entry, firstBuckets), 0 }
