package tuntest

import (
	"sync"

	"lastack/tun/vnet"
)

// queue is a ring of packets with one reader and many writers. A slot keeps its
// array when its packet has left, so a queue in use allocates nothing.
type queue struct {
	mu      sync.Mutex
	filled  sync.Cond
	slots   [QueueLen]slot
	first   int // the oldest packet's slot
	count   int
	closed  bool
	dropped uint64
}

// slot holds a packet and what is left to be done to it.
type slot struct {
	header vnet.Header
	packet []byte
}

func newQueue() *queue {
	q := &queue{}
	q.filled.L = &q.mu
	return q
}

// put appends a copy of the packet in pieces, or drops it if the queue is full or
// closed.
func (q *queue) put(h *vnet.Header, pieces [][]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.count == QueueLen {
		q.dropped++
		return
	}
	s := &q.slots[(q.first+q.count)%QueueLen]
	s.header, s.packet = *h, s.packet[:0]
	for _, p := range pieces {
		s.packet = append(s.packet, p...)
	}
	q.count++
	q.filled.Signal()
}

// get waits for a packet, copies what fits into p and returns its length there.
// ok is false once the queue is closed.
func (q *queue) get(h *vnet.Header, p []byte) (n int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.count == 0 && !q.closed {
		q.filled.Wait()
	}
	if q.closed {
		return 0, false
	}
	*h = q.slots[q.first].header
	n = copy(p, q.slots[q.first].packet)
	q.first = (q.first + 1) % QueueLen
	q.count--
	return n, true
}

// close wakes the reader and lets go of the packets.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	q.dropped += uint64(q.count)
	q.count = 0
	q.slots = [QueueLen]slot{}
	q.filled.Broadcast()
}

func (q *queue) drops() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
