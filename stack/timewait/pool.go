package timewait

import "unsafe"

// slabSize is how many slots are allocated at once. It makes slabs that fill one
// of Go's size classes, for IPv6 exactly and for IPv4 to 98%, and the last,
// partly used slab of each shard small beside the others.
const slabSize = 128

// pool allocates slots in slabs: growth copies no slot, and a slot never moves.
type pool[K key] struct {
	slabs []*[slabSize]slot[K]
	// top is the first index that was never used. Index 0 is none.
	top  uint32
	free uint32 // a chain of slots that were used
}

func (p *pool[K]) at(i uint32) *slot[K] { return &p.slabs[i/slabSize][i%slabSize] }

func (p *pool[K]) alloc() uint32 {
	if i := p.free; i != 0 {
		p.free = p.at(i).next
		return i
	}
	if p.top == 0 {
		p.top = 1
	}
	if int(p.top/slabSize) == len(p.slabs) {
		p.slabs = append(p.slabs, new([slabSize]slot[K]))
	}
	p.top++
	return p.top - 1
}

func (p *pool[K]) release(i uint32) {
	*p.at(i) = slot[K]{next: p.free}
	p.free = i
}

func (p *pool[K]) bytes() int {
	var slab [slabSize]slot[K]
	return len(p.slabs)*int(unsafe.Sizeof(slab)) + cap(p.slabs)*int(unsafe.Sizeof(&slab))
}
