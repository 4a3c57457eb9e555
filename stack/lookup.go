package stack

import (
	"net/netip"
	"time"

	"lastack/stack/closepath"
	"lastack/stack/flow"
	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// State is the state of a connection (Src is the host), in the names of RFC 9293
// 3.3.2: the close path's TIME_WAIT, and otherwise netstack's own; CLOSED if
// neither has it.
func (h *Host) State(t segment.Tuple) string {
	if _, ok := h.path.TimeWait(t); ok {
		return flow.TimeWait.String()
	}
	if l, ok := h.path.Light(t); ok {
		return l.State.String()
	}
	ep := closepath.Find(h.net, nic, t)
	if ep == nil {
		return flow.Closed.String()
	}
	if s := closepath.StateOf(ep.EndpointState()); s != flow.Unknown {
		return s.String()
	}
	return ep.EndpointState().String()
}

// waiting reports to ports what is known about a connection in TIME_WAIT.
func (h *Host) waiting(t segment.Tuple) (stamped bool, heard time.Duration, ok bool) {
	rec, ok := h.path.TimeWait(t)
	return rec.HasTimestamps, rec.Heard, ok
}

// unfollowed reports whether netstack made the connection that is being accepted of an ACK
// that came too late for a SYN cookie: no peer knows of it, and the close path does not
// follow it.
func (h *Host) unfollowed(t segment.Tuple) bool {
	switch ep := closepath.Find(h.net, nic, t); {
	case ep == nil:
		return false // it is over already
	case ep.EndpointState() != tcp.StateEstablished && ep.EndpointState() != tcp.StateCloseWait:
		return false
	}
	return !h.path.Follows(t)
}

// exists reports to ports whether anything is left of a connection.
func (h *Host) exists(t segment.Tuple) bool {
	_, waits := h.path.TimeWait(t)
	_, light := h.path.Light(t)
	return waits || light || closepath.Find(h.net, nic, t) != nil
}

// elapsed is the clock's monotonic time, as the close path counts it.
func (h *Host) elapsed() time.Duration { return h.clock.NowMonotonic().Sub(tcpip.MonotonicTime{}) }

func protocolOf(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() || a.Is4In6() {
		return header.IPv4ProtocolNumber
	}
	return header.IPv6ProtocolNumber
}
