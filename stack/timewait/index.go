package timewait

import (
	"math/bits"
	"unsafe"
)

// bucketSlab is how many buckets are allocated at once.
const bucketSlab = 256

// index finds a slot by the hash of its key: buckets of chained slots, one
// bucket a slot. It grows by linear hashing (Litwin 1980): each insertion adds
// one bucket and moves into it its share of one other's chain, so that no
// insertion pays for rehashing all.
type index[K key] struct {
	slabs   []*[bucketSlab]uint32
	buckets uint32
}

// bucket is the head of the chain for a hash.
func (ix *index[K]) bucket(hash uint32) *uint32 {
	mask := ^uint32(0) >> bits.LeadingZeros32(ix.buckets-1)
	b := hash & mask
	if b >= ix.buckets {
		b &= mask >> 1 // its bucket has not been split yet
	}
	return &ix.slabs[b/bucketSlab][b%bucketSlab]
}

// find returns the slot of a key, or 0.
func (ix *index[K]) find(p *pool[K], k *K, hash uint32) uint32 {
	if ix.buckets == 0 {
		return 0
	}
	i := *ix.bucket(hash)
	for i != 0 {
		s := p.at(i)
		if s.key == *k {
			break
		}
		i = s.chain
	}
	return i
}

// insert adds slot i, whose key is not there yet. n is the number of slots with
// it, and rehash the hash of a slot's key.
func (ix *index[K]) insert(p *pool[K], i, hash uint32, n int, rehash func(*K) uint32) {
	if ix.buckets == 0 {
		ix.slabs = append(ix.slabs, new([bucketSlab]uint32))
		ix.buckets = bucketSlab
	}
	head := ix.bucket(hash)
	p.at(i).chain = *head
	*head = i
	if n > int(ix.buckets) {
		ix.split(p, rehash)
	}
}

// split adds one bucket.
func (ix *index[K]) split(p *pool[K], rehash func(*K) uint32) {
	added := ix.buckets
	if int(added/bucketSlab) == len(ix.slabs) {
		ix.slabs = append(ix.slabs, new([bucketSlab]uint32))
	}
	ix.buckets++
	mask := ^uint32(0) >> bits.LeadingZeros32(added)
	old := added & (mask >> 1)
	from := &ix.slabs[old/bucketSlab][old%bucketSlab]
	to := &ix.slabs[added/bucketSlab][added%bucketSlab]
	for *from != 0 {
		i := *from
		s := p.at(i)
		if rehash(&s.key)&mask != added {
			from = &s.chain
			continue
		}
		*from, s.chain, *to = s.chain, *to, i
	}
}

// remove takes slot i, which must be there, out of its chain.
func (ix *index[K]) remove(p *pool[K], i, hash uint32) {
	at := ix.bucket(hash)
	for *at != i {
		at = &p.at(*at).chain
	}
	*at = p.at(i).chain
}

func (ix *index[K]) bytes() int {
	var slab [bucketSlab]uint32
	return len(ix.slabs)*int(unsafe.Sizeof(slab)) + cap(ix.slabs)*int(unsafe.Sizeof(&slab))
}
