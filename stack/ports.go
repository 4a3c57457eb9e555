package stack

import (
	"math/bits"
	"math/rand/v2"
	"sync"
	"time"

	"lastack/stack/closepath"
	"lastack/stack/segment"
)

// ports picks the local ports of outgoing connections, by 4-tuple: one port may
// serve many destinations at a time. A port is taken from before its SYN until
// the connection is gone, TIME_WAIT included.
//
// A free port is found in a bitmap, at most 1,024 words long, from a random
// place on (RFC 6056 3.3.1), so that the last free port costs hardly more than
// the first. A port in TIME_WAIT comes from a queue, the longest waiting first.
type ports struct {
	clock func() time.Duration
	// waiting reports, for a 4-tuple in TIME_WAIT, whether its connection had timestamps
	// and when the peer's last one was heard; false if it is no longer in TIME_WAIT.
	waiting func(segment.Tuple) (stamped bool, heard time.Duration, ok bool)
	// exists reports whether anything is left of a connection. It is called without mu: it
	// locks the connection, and follow is called while that is locked.
	exists func(segment.Tuple) bool

	mu    sync.Mutex
	dests map[destination]*portSet
}

// idleDests is how many destinations are kept of which no port is taken: most are wanted
// again.
const idleDests = 64

// destination is what a local port must be unique for.
type destination struct {
	local  [16]byte
	remote segment.Endpoint
}

func (d *destination) tuple(port uint16) segment.Tuple {
	return segment.Tuple{Src: segment.Endpoint{Addr: d.local, Port: port}, Dst: d.remote}
}

// portSet is the ports taken for one destination.
type portSet struct {
	taken, waiting bitmap // waiting: those of taken that are in TIME_WAIT
	n              int
	queue          []waitingPort // in the order of since; may hold ports that wait no more
	reconciled     time.Duration
}

type waitingPort struct {
	port  uint16
	since time.Duration
}

// bitmap has a bit for each port, in pages that are allocated when a bit in them is set:
// most destinations have one connection or a few, for which 8 KiB would be a lot.
type bitmap [1 << 16 / pageBits]*[pageBits / 64]uint64

const pageBits = 2048

func (b *bitmap) word(i int) uint64 {
	if page := b[i*64/pageBits]; page != nil {
		return page[i%(pageBits/64)]
	}
	return 0
}

func (b *bitmap) has(p uint16) bool { return b.word(int(p/64))&(1<<(p%64)) != 0 }

func (b *bitmap) set(p uint16) {
	page := &b[p/pageBits]
	if *page == nil {
		*page = new([pageBits / 64]uint64)
	}
	(*page)[p%pageBits/64] |= 1 << (p % 64)
}

func (b *bitmap) clear(p uint16) {
	if page := b[p/pageBits]; page != nil {
		page[p%pageBits/64] &^= 1 << (p % 64)
	}
}

// free finds a clear bit from lo to hi, both included, beginning at from.
func (b *bitmap) free(lo, hi, from uint16) (uint16, bool) {
	if p, ok := b.clearIn(int(from), int(hi)); ok {
		return p, true
	}
	return b.clearIn(int(lo), int(from)-1)
}

func (b *bitmap) clearIn(lo, hi int) (uint16, bool) {
	for at := lo; at <= hi; at = at/64*64 + 64 {
		word := ^b.word(at/64) >> (at % 64)
		if word == 0 {
			continue
		}
		if p := at + bits.TrailingZeros64(word); p <= hi {
			return uint16(p), true
		}
		return 0, false
	}
	return 0, false
}

// reuse says when a port in TIME_WAIT may be taken: net.ipv4.tcp_tw_reuse and
// tcp_tw_reuse_delay.
type reuse struct {
	allowed bool
	delay   time.Duration
}

// pick takes a port from lo to hi for the destination, or reports false if there
// is none.
func (p *ports) pick(d destination, lo, hi uint16, r reuse) (uint16, bool) {
	port, ok := p.pickNow(d, lo, hi, r)
	if ok || !p.reconcile(d, lo, hi) {
		return port, ok
	}
	return p.pickNow(d, lo, hi, r)
}

// pickNow is pick by what the close path has said.
func (p *ports) pickNow(d destination, lo, hi uint16, r reuse) (uint16, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set := p.dests[d]
	if set == nil {
		if p.dests == nil {
			p.dests = make(map[destination]*portSet)
		}
		set = &portSet{}
		p.dests[d] = set
	}
	if port, ok := p.pickFree(&d, set, lo, hi); ok {
		return port, true
	}
	if !r.allowed {
		return 0, false
	}
	return p.pickWaiting(&d, set, lo, hi, r.delay)
}

func (p *ports) pickFree(d *destination, set *portSet, lo, hi uint16) (uint16, bool) {
	for {
		from := uint16(int(lo) + rand.IntN(int(hi)-int(lo)+1))
		port, ok := set.taken.free(lo, hi, from)
		if !ok {
			return 0, false
		}
		set.taken.set(port)
		set.n++
		if _, _, waits := p.waiting(d.tuple(port)); !waits {
			return port, true
		}
		// The host's end of a TIME_WAIT that another connection left.
		set.wait(port, p.clock())
	}
}

// pickWaiting takes the port that has been in TIME_WAIT for longest, if that is
// long enough: its new connection's timestamps are then beyond the old one's
// (RFC 6191, RFC 7323 B.2).
func (p *ports) pickWaiting(d *destination, set *portSet, lo, hi uint16, delay time.Duration) (uint16, bool) {
	now := p.clock()
	for range len(set.queue) {
		first := set.queue[0]
		if now-first.since < delay {
			return 0, false
		}
		set.queue = set.queue[1:]
		if !set.waiting.has(first.port) {
			continue
		}
		stamped, heard, ok := p.waiting(d.tuple(first.port))
		switch {
		case !ok || !stamped: // over, or never to be used again before it is
		case first.port < lo || first.port > hi || now-heard < delay:
			set.queue = append(set.queue, waitingPort{first.port, max(heard, first.since)})
		default:
			set.waiting.clear(first.port)
			return first.port, true
		}
	}
	return 0, false
}

// reconcileEvery bounds how often a full range is looked over.
const reconcileEvery = time.Second

// reconcile frees the ports of connections that ended in silence, as when netstack drops
// an orphan in FIN_WAIT_2, if it is time to look again.
func (p *ports) reconcile(d destination, lo, hi uint16) (freed bool) {
	for _, port := range p.inQuestion(d, lo, hi) {
		if !p.exists(d.tuple(port)) {
			// Whoever picks it meanwhile for a connection of which nothing is there yet may see
			// another do so, too: netstack then gives it to one of them.
			p.unused(d, port)
			freed = true
		}
	}
	return freed
}

// inQuestion lists the ports that are taken, if it is time to look at them again.
func (p *ports) inQuestion(d destination, lo, hi uint16) (taken []uint16) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set, now := p.dests[d], p.clock()
	if set == nil || set.reconciled != 0 && now-set.reconciled < reconcileEvery {
		return nil
	}
	set.reconciled = now
	for port := int(lo); port <= int(hi); port++ {
		if set.taken.has(uint16(port)) {
			taken = append(taken, uint16(port))
		}
	}
	return taken
}

// wait notes that a taken port is in TIME_WAIT.
func (s *portSet) wait(port uint16, now time.Duration) {
	for len(s.queue) > 0 && !s.waiting.has(s.queue[0].port) {
		s.queue = s.queue[1:]
	}
	s.waiting.set(port)
	s.queue = append(s.queue, waitingPort{port, now})
}

func (s *portSet) release(port uint16) {
	if s.taken.has(port) {
		s.taken.clear(port)
		s.waiting.clear(port)
		s.n--
	}
}

// follow receives from the close path what becomes of connections.
func (p *ports) follow(t segment.Tuple, phase closepath.Phase) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := destination{local: t.Src.Addr, remote: t.Dst}
	set := p.dests[d]
	if set == nil || !set.taken.has(t.Src.Port) {
		return
	}
	if phase == closepath.Waiting {
		set.wait(t.Src.Port, p.clock())
		return
	}
	set.release(t.Src.Port)
	if set.n == 0 && len(p.dests) > idleDests {
		delete(p.dests, d)
	}
}

// unused gives back a picked port from which no SYN went out.
func (p *ports) unused(d destination, port uint16) {
	p.follow(d.tuple(port), closepath.Gone)
}
