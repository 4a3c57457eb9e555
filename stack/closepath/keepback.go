package closepath

import (
	"sync"
	"time"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// A segment that netstack may not be ready for is tried at once and then every keepEvery, for
// keepFor; at most maxKept wait at a time. The sender repeats one that is dropped.
const (
	keepEvery = time.Millisecond
	keepFor   = time.Second
	maxKept   = 1024
)

// keptBacks are the segments that keepBack has.
type keptBacks struct {
	mu     sync.Mutex
	count  int
	queues map[keptKey]*keptQueue
}

// keptKey tells apart what waits: a connection's segments (Src is the peer) at a stage.
type keptKey struct {
	tuple segment.Tuple
	place int
}

// keptQueue is what waits of a connection, in the order in which it came. One goroutine at a
// time takes from it, so that segments which come together do not overtake each other.
type keptQueue struct{ segments []keptBack }

// keptBack is a segment that waits for netstack.
type keptBack struct {
	seg   segment.Segment
	buf   *netstack.PacketBuffer // with a reference of ours
	ready func() bool            // called without locks
	until tcpip.MonotonicTime
}

// keepBack takes an incoming segment through the chain from the given stage on as soon as
// ready says so, behind those of its connection that wait already.
func (e *Endpoint) keepBack(seg segment.Segment, buf *netstack.PacketBuffer, ready func() bool, place int) {
	k := &e.kept
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.count >= maxKept {
		return
	}
	k.count++
	key := keptKey{seg.Tuple, place}
	q := k.queues[key]
	if q == nil {
		q = &keptQueue{}
		if k.queues == nil {
			k.queues = make(map[keptKey]*keptQueue)
		}
		k.queues[key] = q
		e.clock.AfterFunc(0, func() { e.tryAgain(key, q) }) // netstack may have been ready all along
	}
	q.segments = append(q.segments, keptBack{seg, buf.IncRef(), ready, e.clock.NowMonotonic().Add(keepFor)})
}

// tryAgain delivers a queue's segments as long as netstack is ready for the next, and drops
// those that have waited for too long.
func (e *Endpoint) tryAgain(key keptKey, q *keptQueue) {
	for {
		s, any := e.kept.first(key, q)
		if !any {
			return
		}
		over := e.closed.Load() || e.clock.NowMonotonic().After(s.until)
		if !over && !s.ready() {
			e.clock.AfterFunc(keepEvery, func() { e.tryAgain(key, q) })
			return
		}
		e.kept.drop(q)
		if !over {
			e.receive(&s.seg, s.buf, key.place)
		}
		s.buf.DecRef()
	}
}

// first returns the segment that has waited longest. Without one the queue is gone.
func (k *keptBacks) first(key keptKey, q *keptQueue) (s keptBack, any bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(q.segments) == 0 {
		delete(k.queues, key)
		return s, false
	}
	return q.segments[0], true
}

// drop takes the first segment off its queue; the caller has its reference.
func (k *keptBacks) drop(q *keptQueue) {
	k.mu.Lock()
	defer k.mu.Unlock()
	q.segments = q.segments[1:]
	k.count--
}

// waiting counts the segments that wait.
func (k *keptBacks) waiting() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.count
}
