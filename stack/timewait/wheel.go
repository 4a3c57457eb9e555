package timewait

import (
	"math/bits"
	"time"
)

// The wheel's measures. A block is one turn of the first level and one place of
// the second; the second level reaches 524 s ahead.
const (
	tick       = 4 * time.Millisecond
	tickMillis = int64(tick / time.Millisecond)
	blockTicks = 512
	blocks     = 256
)

// firstMark tells a place of the wheel from a slot.
const firstMark = 1 << 31

// wheel is a timer wheel of two levels (Varghese and Lauck 1987). The first has a place
// for each tick of the current block, the second one for each of the blocks to come; when
// a block's turn comes its slots are spread over the first level. A slot further ahead
// than the second level reaches waits in its last place, and is placed again from there.
//
// Ticks are counted in 64 bits. A slot's deadline is known to the millisecond
// and in 32 bits, and is taken for the one nearest to the current block.
type wheel[K key] struct {
	heads [blockTicks + blocks]uint32
	// taken has a bit for each place that is not empty.
	taken [(blockTicks + blocks) / 64]uint64
	block int64 // the current one
	done  int64 // the last tick whose slots were taken off
}

func newWheel[K key](now time.Duration) *wheel[K] {
	t := int64(now / tick)
	return &wheel[K]{block: t / blockTicks, done: t}
}

// add links slot i in at its deadline, rounded up to a tick, or at the next tick
// if that is past.
func (w *wheel[K]) add(p *pool[K], i uint32) {
	s := p.at(i)
	start := w.block * blockTicks * tickMillis
	deadline := start + int64(int32(s.deadline-uint32(start)))
	place := w.place(max((deadline+tickMillis-1)/tickMillis, w.done+1))
	s.next, s.prev = w.heads[place], place|firstMark
	if s.next != 0 {
		p.at(s.next).prev = i
	}
	w.heads[place] = i
	w.taken[place/64] |= 1 << (place % 64)
}

func (w *wheel[K]) place(t int64) uint32 {
	block := t / blockTicks
	if block <= w.block {
		return uint32(t % blockTicks)
	}
	return blockTicks + uint32(min(block, w.block+blocks-1)%blocks)
}

// remove unlinks slot i.
func (w *wheel[K]) remove(p *pool[K], i uint32) {
	s := p.at(i)
	if s.next != 0 {
		p.at(s.next).prev = s.prev
	}
	if s.prev&firstMark == 0 {
		p.at(s.prev).next = s.next
		return
	}
	place := s.prev &^ firstMark
	w.heads[place] = s.next
	if s.next == 0 {
		w.taken[place/64] &^= 1 << (place % 64)
	}
}

// next is the first tick with something to do: a slot is due, or a block's turn
// comes.
func (w *wheel[K]) next() (t int64, any bool) {
	for word, set := range w.taken[:blockTicks/64] {
		if set != 0 {
			return w.block*blockTicks + int64(word*64+bits.TrailingZeros64(set)), true
		}
	}
	for b := w.block + 1; b < w.block+blocks; {
		place := b % blocks
		set := w.taken[(blockTicks+place)/64] >> (place % 64)
		if set != 0 {
			return (b + int64(bits.TrailingZeros64(set))) * blockTicks, true
		}
		b += 64 - place%64
	}
	return 0, false
}

// pop unlinks and returns a slot whose deadline is not after tick now, or 0.
func (w *wheel[K]) pop(p *pool[K], now int64) uint32 {
	for {
		t, any := w.next()
		if !any || t > now {
			w.done = max(w.done, now)
			return 0
		}
		if block := t / blockTicks; block != w.block {
			w.turn(p, block)
			continue
		}
		i := w.heads[t%blockTicks]
		w.remove(p, i)
		return i
	}
}

// turn makes a block the current one and spreads its slots. Blocks skipped are
// empty.
func (w *wheel[K]) turn(p *pool[K], block int64) {
	place := blockTicks + block%blocks
	i := w.heads[place]
	w.heads[place] = 0
	w.taken[place/64] &^= 1 << (place % 64)
	w.block, w.done = block, max(w.done, block*blockTicks-1)
	for i != 0 {
		next := p.at(i).next
		w.add(p, i)
		i = next
	}
}
