package closepath

import (
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

// keptBack is a segment that waits for netstack.
type keptBack struct {
	seg   segment.Segment
	buf   *netstack.PacketBuffer
	ready func() bool // called without locks
	place int         // in the chain, where it goes on
	until tcpip.MonotonicTime
}

// keepBack takes an incoming segment through the chain from the given stage on as soon as
// ready says so.
func (e *Endpoint) keepBack(seg segment.Segment, buf *netstack.PacketBuffer, ready func() bool, place int) {
	if e.kept.Add(1) > maxKept {
		e.kept.Add(-1)
		return
	}
	buf.IncRef()
	k := &keptBack{seg, buf, ready, place, e.clock.NowMonotonic().Add(keepFor)}
	e.clock.AfterFunc(0, func() { e.tryAgain(k) }) // netstack may have been ready all along
}

func (e *Endpoint) tryAgain(k *keptBack) {
	over := e.closed.Load() || e.clock.NowMonotonic().After(k.until)
	if !over && !k.ready() {
		e.clock.AfterFunc(keepEvery, func() { e.tryAgain(k) })
		return
	}
	e.kept.Add(-1)
	if !over {
		e.receive(&k.seg, k.buf, k.place)
	}
	k.buf.DecRef()
}
