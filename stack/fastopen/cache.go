package fastopen

import (
	"container/list"
	"sync"

	"lastack/stack/segment"
)

// Entry is what a client knows of a destination.
type Entry struct {
	Cookie segment.Cookie
	// Form is how the server writes the option.
	Form segment.FastOpen
	// MSS is the largest segment that the server takes.
	MSS uint16
}

// Cache remembers cookies for the destinations used last, by the pair of
// addresses (RFC 7413 4.1.3). Make it with NewCache.
type Cache struct {
	size int

	mu      sync.Mutex
	entries map[pair]*list.Element
	used    list.List // of *remembered, the latest first
}

type pair struct{ host, peer [16]byte }

type remembered struct {
	pair
	Entry
}

// NewCache remembers so many destinations.
func NewCache(size int) *Cache {
	return &Cache{size: size, entries: make(map[pair]*list.Element)}
}

// Get is what is known of the tuple's destination; its Src is the client. It
// reports false where there is no cookie.
func (c *Cache) Get(t segment.Tuple) (Entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.find(t); r != nil && r.Cookie.Len > 0 {
		return r.Entry, true
	}
	return Entry{}, false
}

// Learn remembers what a SYN-ACK brought: a cookie, in place of one before.
func (c *Cache) Learn(t segment.Tuple, e Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.make(t).Entry = e
}

// Len counts the destinations remembered.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}

// find is the destination's entry, used now, or nil. c.mu is held.
func (c *Cache) find(t segment.Tuple) *remembered {
	el := c.entries[pair{t.Src.Addr, t.Dst.Addr}]
	if el == nil {
		return nil
	}
	c.used.MoveToFront(el)
	return el.Value.(*remembered)
}

// make adds an entry for the destination, and may drop another for it. c.mu is held.
func (c *Cache) make(t segment.Tuple) *remembered {
	if r := c.find(t); r != nil {
		return r
	}
	if oldest := c.used.Back(); oldest != nil && len(c.entries) >= c.size {
		delete(c.entries, c.used.Remove(oldest).(*remembered).pair)
	}
	r := &remembered{pair: pair{t.Src.Addr, t.Dst.Addr}}
	c.entries[r.pair] = c.used.PushFront(r)
	return r
}
