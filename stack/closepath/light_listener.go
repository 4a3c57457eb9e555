package closepath

import (
	"net/netip"
	"slices"
	"sync"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/waiter"
)

// LightListener has the connections to a listening address that the close path has opened
// in netstack's place. Make it with ListenLight.
type LightListener struct {
	l       *lights
	at      netip.AddrPort
	v4, v6  bool
	backlog int
	wq      *waiter.Queue

	mu     sync.Mutex
	queue  []*Light
	count  int // connections on the queue or on their way there
	closed bool
}

// ListenLight lets the close path open connections to an address by itself, while
// lastack.light is 1. No address is any, of the families that v4 and v6 name. At most
// backlog connections wait to be accepted, handshakes counted; wq is notified of each
// that may be.
//
// netstack has to have a listener there too, which has all other connections, and the
// caller accepts from both. An Endpoint of New has no netstack, and takes none.
func (e *Endpoint) ListenLight(at netip.AddrPort, v4, v6 bool, backlog int, wq *waiter.Queue) *LightListener {
	l := e.lights
	n := &LightListener{l: l, at: at, v4: v4, v6: v6, backlog: backlog, wq: wq}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stack != nil {
		l.configure()
	}
	l.listeners[at.Port()] = append(slices.Clone(l.listeners[at.Port()]), n)
	return n
}

// reserve finds the listener for a new connection and makes room on its queue; nil if
// there is none.
func (l *lights) reserve(to segment.Endpoint) *LightListener {
	l.mu.RLock()
	all := l.listeners[to.Port]
	l.mu.RUnlock()
	var best *LightListener
	for _, n := range all {
		switch a := n.at.Addr(); {
		case a.IsValid() && !a.IsUnspecified():
			if a.Unmap() == to.AddrPort().Addr() {
				best = n
			}
		case best == nil && (to.Is4() && n.v4 || !to.Is4() && n.v6):
			best = n
		}
	}
	if best == nil || !best.room() {
		return nil
	}
	return best
}

func (n *LightListener) room() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.count >= n.backlog {
		return false
	}
	n.count++
	return true
}

// push takes a connection whose handshake is over; false if the listener is closed.
func (n *LightListener) push(c *Light) bool {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return false
	}
	n.queue = append(n.queue, c)
	n.mu.Unlock()
	n.wq.Notify(waiter.ReadableEvents)
	return true
}

// drop forgets a connection that is over before it was accepted.
func (n *LightListener) drop(c *Light) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !c.waits {
		return
	}
	c.waits = false
	n.count--
	if i := slices.Index(n.queue, c); i >= 0 {
		n.queue = slices.Delete(n.queue, i, i+1)
	}
}

// Accept takes a connection off the queue; nil if there is none, or no listener.
func (n *LightListener) Accept() *Light {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	if len(n.queue) == 0 {
		n.mu.Unlock()
		return nil
	}
	c := n.queue[0]
	n.queue[0] = nil
	n.queue = n.queue[1:]
	n.count--
	c.waits = false
	n.mu.Unlock()
	return c
}

// Waits reports whether a connection waits to be accepted.
func (n *LightListener) Waits() bool {
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.queue) > 0
}

// Close resets the connections that nobody has accepted.
func (n *LightListener) Close() {
	if n == nil {
		return
	}
	n.l.mu.Lock()
	rest := slices.DeleteFunc(slices.Clone(n.l.listeners[n.at.Port()]), func(m *LightListener) bool { return m == n })
	if len(rest) == 0 {
		delete(n.l.listeners, n.at.Port())
	} else {
		n.l.listeners[n.at.Port()] = rest
	}
	n.l.mu.Unlock()
	n.mu.Lock()
	n.closed = true
	waiting := n.queue
	n.queue = nil
	n.mu.Unlock()
	for _, c := range waiting {
		c.Abort()
	}
}
