package closepath

import (
	"sync"
	"sync/atomic"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// departed are connections that the chain is through with and netstack may not be: it has
// the last segment in a queue, say, and its timer rings meanwhile. Where netstack has other
// numbers than the wire, what it still says and hears is translated as before: its FIN, with
// a number that nobody knows, would make the peer's TIME_WAIT or its next connection answer,
// and netstack answer that with a RST. When there are many, some are forgotten early.
type departed struct {
	used atomic.Bool
	mu   sync.Mutex
	last [1024]departure
}

// departure is how far netstack's numbers are from the wire's.
type departure struct {
	key   segment.Tuple
	at    tcpip.MonotonicTime
	shift segment.Seq
	stamp uint32
	any   bool
}

// add takes in that a flow has left the table. f.mu is held.
func (d *departed) add(f *tracked, clock tcpip.Clock) {
	gone := departure{key: f.key, shift: f.numbers.shift, any: true}
	if f.light != nil && f.light.move != nil {
		gone.stamp = f.light.move.shift
	}
	if gone.shift == 0 && gone.stamp == 0 {
		return
	}
	gone.at = clock.NowMonotonic()
	d.used.Store(true)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last[closedIndex(f.key)] = gone
}

// find returns how a connection (Src is the host) has to be translated still.
func (d *departed) find(key segment.Tuple, now tcpip.MonotonicTime) (departure, bool) {
	if !d.used.Load() {
		return departure{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.last[closedIndex(key)]
	return e, e.any && e.key == key && now.Sub(e.at) < closedFor
}

// out translates a segment of netstack's, and in one that netstack is to have; both report
// false where the packet's header is not in one piece.
func (d *departure) out(p *packet) bool {
	b := p.header()
	if b == nil {
		return false
	}
	p.seg.ShiftSeq(b, d.shift)
	if p.seg.HasTimestamps {
		p.seg.SetTSVal(b, p.seg.TSVal+d.stamp)
	}
	return true
}

func (d *departure) in(p *packet) bool {
	b := p.incoming()
	if b == nil {
		return false
	}
	p.seg.ShiftAck(b, -d.shift)
	if p.seg.HasTimestamps && p.seg.TSEcr != 0 {
		p.seg.SetTSEcr(b, p.seg.TSEcr-d.stamp)
	}
	return true
}
