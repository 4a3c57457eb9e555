package closepath

import (
	"sync/atomic"

	"lastack/stack/segment"
)

// FastOpenCounts says how often Fast Open was tried, in the terms of Linux's
// TCPFastOpen counters.
type FastOpenCounts struct {
	// Active counts SYNs of the host's whose data the server acknowledged, and
	// ActiveFail those whose data it did not.
	Active, ActiveFail uint64
	// Passive counts SYNs of peers whose data the host acknowledged. PassiveFail
	// counts those with a bad cookie, or whose data were not taken.
	Passive, PassiveFail uint64
	// CookieRequests counts SYNs that asked the host for a cookie, and Overflows
	// those whose data were left because of lastack.fastopen_pending.
	CookieRequests, Overflows uint64
	// Blackholes counts connections that the path swallowed.
	Blackholes uint64
	// Pending is how many handshakes with data that was taken are not over.
	Pending int
}

type fastOpenCounts struct {
	active, activeFail, passive, passiveFail, cookieRequests, overflows, blackholes atomic.Uint64
	pending                                                                         atomic.Int64
}

// FastOpenCounts says how often Fast Open was tried.
func (e *Endpoint) FastOpenCounts() FastOpenCounts {
	c := &e.fastOpen.fastOpenCounts
	return FastOpenCounts{
		Active: c.active.Load(), ActiveFail: c.activeFail.Load(),
		Passive: c.passive.Load(), PassiveFail: c.passiveFail.Load(),
		CookieRequests: c.cookieRequests.Load(), Overflows: c.overflows.Load(),
		Blackholes: c.blackholes.Load(), Pending: int(c.pending.Load()),
	}
}

// FastOpened counts the bytes that a connection's SYN brought and the SYN-ACK
// acknowledged (Src is the host); 0 if it was opened in the plain way, or is not
// followed any more. pending: the client has not acknowledged the SYN-ACK, so that the
// connection is in SYN_RECEIVED, though netstack takes its handshake to be over.
func (e *Endpoint) FastOpened(t segment.Tuple) (taken int, pending bool) {
	f := e.flows.lookup(t)
	if f == nil {
		return 0, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opening.taken, f.opening.accepted != nil
}
