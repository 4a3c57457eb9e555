package stack

import (
	"net/netip"
	"time"

	"lastack/stack/closepath"
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
		return stateNames[tcp.StateTimeWait]
	}
	ep := closepath.Find(h.net, nic, t)
	if ep == nil {
		return stateNames[tcp.StateClose]
	}
	if name, ok := stateNames[ep.EndpointState()]; ok {
		return name
	}
	return ep.EndpointState().String()
}

var stateNames = map[tcp.EndpointState]string{
	tcp.StateListen:      "LISTEN",
	tcp.StateSynSent:     "SYN_SENT",
	tcp.StateSynRecv:     "SYN_RECEIVED",
	tcp.StateEstablished: "ESTABLISHED",
	tcp.StateFinWait1:    "FIN_WAIT_1",
	tcp.StateFinWait2:    "FIN_WAIT_2",
	tcp.StateCloseWait:   "CLOSE_WAIT",
	tcp.StateClosing:     "CLOSING",
	tcp.StateLastAck:     "LAST_ACK",
	tcp.StateTimeWait:    "TIME_WAIT",
	tcp.StateClose:       "CLOSED",
	tcp.StateError:       "CLOSED",
}

// waiting tells ports what is known of a connection in TIME_WAIT.
func (h *Host) waiting(t segment.Tuple) (stamped bool, heard time.Duration, ok bool) {
	rec, ok := h.path.TimeWait(t)
	return rec.HasTimestamps, rec.Heard, ok
}

// ghost reports whether a connection that is being accepted is none: netstack takes an ACK
// that comes too late for a SYN cookie, and no peer knows of the connection.
func (h *Host) ghost(t segment.Tuple) bool {
	switch ep := closepath.Find(h.net, nic, t); {
	case ep == nil:
		return false // it is over already
	case ep.EndpointState() != tcp.StateEstablished && ep.EndpointState() != tcp.StateCloseWait:
		return false
	}
	return !h.path.Follows(t)
}

// exists tells ports whether anything is left of a connection.
func (h *Host) exists(t segment.Tuple) bool {
	_, waits := h.path.TimeWait(t)
	return waits || closepath.Find(h.net, nic, t) != nil
}

// elapsed is the clock's monotonic time, as the close path counts it.
func (h *Host) elapsed() time.Duration { return h.clock.NowMonotonic().Sub(tcpip.MonotonicTime{}) }

func protocolOf(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() || a.Is4In6() {
		return header.IPv4ProtocolNumber
	}
	return header.IPv6ProtocolNumber
}
