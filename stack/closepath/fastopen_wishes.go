package closepath

import (
	"sync"
	"sync/atomic"

	"lastack/stack/segment"
	"lastack/stack/tunable"
)

// wishes has the data of connections that the host is about to open.
type wishes struct {
	any atomic.Int64 // how many there are
	mu  sync.Mutex
	of  map[segment.Tuple][]byte
}

func (w *wishes) put(t segment.Tuple, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = make(map[segment.Tuple][]byte)
	}
	w.of[t] = data
	w.any.Store(int64(len(w.of)))
}

// take returns the data for a connection, for the first of its SYNs.
func (w *wishes) take(t segment.Tuple) ([]byte, bool) {
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

// Offer has the SYN of the connection that netstack opens next on the tuple (Src is
// the host) carry data, as far as net.ipv4.tcp_fastopen and the server permit:
// without a cookie of the server's it asks for one. netstack is to be given the same
// data as the first that the connection sends, whatever became of the SYN. withdraw
// is to be called when the SYN has been sent or will not be.
func (e *Endpoint) Offer(t segment.Tuple, data []byte) (withdraw func()) {
	e.fastOpen.wishes.put(t, data)
	return func() { e.fastOpen.wishes.take(t) }
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
