package closepath

import (
	"sync"
	"sync/atomic"

	"lastack/stack/segment"
	"lastack/stack/tunable"
)

// offers holds the data of connections that the host is about to open.
type offers struct {
	any atomic.Int64 // how many there are
	mu  sync.Mutex
	of  map[segment.Tuple][]byte
}

func (w *offers) put(t segment.Tuple, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = make(map[segment.Tuple][]byte)
	}
	w.of[t] = data
	w.any.Store(int64(len(w.of)))
}

// take returns the data for a connection, for the first of its SYNs.
func (w *offers) take(t segment.Tuple) ([]byte, bool) {
	if w.any.Load() == 0 {
		return nil, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	data, ok := w.of[t]
	delete(w.of, t)
	w.any.Store(int64(len(w.of)))
	return data, ok
}

// Offer puts data into the SYN of the connection that netstack opens next on the tuple
// (Src is the host), as far as net.ipv4.tcp_fastopen and the server permit: without a
// cookie of the server's, the SYN asks for one. The caller gives netstack the same data
// as the first that the connection sends, whatever became of the SYN, and calls withdraw
// when the SYN has been sent or will not be.
func (e *Endpoint) Offer(t segment.Tuple, data []byte) (withdraw func()) {
	e.fastOpen.offers.put(t, data)
	return func() { e.fastOpen.offers.take(t) }
}

// MayOffer reports whether net.ipv4.tcp_fastopen permits a client's Fast Open, and whether
// the SYN of a connection on the tuple (Src is the host, its port does not matter) would
// carry data now.
func (e *Endpoint) MayOffer(t segment.Tuple) (permitted, ready bool) {
	o := e.fastOpen
	if !o.may(clientBit) {
		return false, false
	}
	if o.hole.Active(e.timeWait.now(), e.tunables.Seconds(tunable.FastOpenBlackhole)) {
		return true, false
	}
	_, known := o.cache.Get(t)
	return true, known || o.may(clientNoCookieBit)
}
