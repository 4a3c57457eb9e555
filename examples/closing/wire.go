// Package closing checks how a stack closes, for the examples beside it: with the close path
// of lastack/stack/closepath in three segments, and with Linux's rules for TIME_WAIT; without
// it in four, and with netstack's.
package closing

import (
	"strings"
	"sync"

	"lastack/stack/segment"
)

// Wire remembers the TCP segments that pass between subject and peer. The zero Wire works.
type Wire struct {
	mu   sync.Mutex
	seen []string
}

// See takes note of an IP packet; what is not TCP is no matter.
func (w *Wire) See(packet []byte, fromSubject bool) {
	s, err := segment.Parse(packet)
	if err != nil {
		return
	}
	mark := ""
	if fromSubject {
		mark = ">"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, mark+s.Flags.String())
}

// close lists the segments of the latest close, the subject's with ">": all from the first
// FIN on.
func (w *Wire) close() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, s := range w.seen {
		if strings.Contains(s, "FIN") {
			return strings.Join(w.seen[i:], " ")
		}
	}
	return ""
}

// clear forgets what passed.
func (w *Wire) clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = nil
}
