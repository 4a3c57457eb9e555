package stack

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"time"

	"lastack/stack/closepath"
	"lastack/stack/flow"
	"lastack/stack/segment"
	"lastack/stack/timewait"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// Socket is one TCP socket of the host.
type Socket struct {
	// State is RFC 9293's name with underscores, as package flow has it.
	State string
	// Local is unspecified where a listener takes connections to any address.
	Local netip.AddrPort
	// Remote is the zero AddrPort for a listener.
	Remote netip.AddrPort
	// V6Only: an IPv6 listener that takes no IPv4 connections.
	V6Only bool
	// RecvQ counts bytes that the application has not read. The peer's FIN is
	// not among them, which Linux counts as one more.
	RecvQ int
	// SendQ is, for a listener, how many connections may wait. For a connection it is 0:
	// netstack does not say what the peer has not acknowledged.
	SendQ int
	// Timer is "timewait" for a connection in TIME_WAIT, "on" for one whose FIN is not
	// acknowledged, and "" otherwise: netstack keeps its other timers to itself. TimerLeft
	// is until it fires, and Retransmissions how many copies of the FIN it has sent.
	Timer           string
	TimerLeft       time.Duration
	Retransmissions int
	// Timestamps: both sides use RFC 7323's option.
	Timestamps bool
	// Light: the close path has the connection in netstack's place (lastack.light). SendQ
	// is then known.
	Light bool
	// FastOpen counts the bytes that the connection's SYN brought and the SYN-ACK
	// acknowledged. In TIME_WAIT it is forgotten.
	FastOpen int
}

// SocketCounts says how many sockets the host has.
type SocketCounts struct {
	// States has a number for each state in which there is a socket.
	States map[string]int
	// Orphaned counts those whose FIN is out and that are not through, TIME_WAIT
	// apart. netstack does not tell whether the application has closed such a
	// connection or half-closed it, so that half-closed ones are among them.
	Orphaned int
	// IPv4 and IPv6 count sockets by family, TIME_WAIT apart. A listener for
	// both families is an IPv6 one.
	IPv4, IPv6 int
}

// Sockets lists the host's sockets: listeners first, TIME_WAIT last. Where there
// may be many, EachSocket does without the list.
func (h *Host) Sockets() []Socket {
	var all []Socket
	h.EachSocket(func(s *Socket) bool {
		all = append(all, *s)
		return true
	})
	return all
}

// EachSocket calls f for each socket until f returns false: listeners first, TIME_WAIT
// last and in no order. No lock is held during the call, so f may take its time, and a
// socket that changes state meanwhile may be seen twice or not at all. f owns its
// argument until it returns.
func (h *Host) EachSocket(f func(*Socket) bool) {
	listening, connected := h.endpoints()
	slices.SortFunc(listening, byID)
	slices.SortFunc(connected, byID)
	for _, ep := range append(listening, connected...) {
		if h.path.Moving() {
			if _, light := h.path.Light(tupleOf(ep)); light {
				continue // it comes below
			}
		}
		if s, ok := h.socket(ep); ok && !f(&s) {
			return
		}
	}
	var s Socket
	more := true
	h.path.EachLight(func(l *closepath.LightInfo) bool {
		s = Socket{
			State: l.State.String(), Local: l.Tuple.Src.AddrPort(), Remote: l.Tuple.Dst.AddrPort(),
			RecvQ: l.RecvQ, SendQ: l.SendQ, Timestamps: l.Timestamps, Light: true,
		}
		more = f(&s)
		return more
	})
	if !more {
		return
	}
	h.path.EachTimeWait(func(r *timewait.Record) bool {
		s = Socket{
			State: flow.TimeWait.String(), Local: r.Src.AddrPort(), Remote: r.Dst.AddrPort(),
			Timer: "timewait", TimerLeft: r.Left, Timestamps: r.HasTimestamps,
		}
		return f(&s)
	})
}

// SocketCounts counts the sockets by state. It costs the same however many
// connections are in TIME_WAIT.
func (h *Host) SocketCounts() SocketCounts {
	c := SocketCounts{States: make(map[string]int)}
	listening, connected := h.endpoints()
	opening := h.path.FastOpenCounts().Pending > 0
	for _, ep := range append(listening, connected...) {
		state := socketState(ep)
		if state == "" {
			continue
		}
		if opening && state == flow.Established.String() {
			if _, pending := h.path.FastOpened(tupleOf(ep)); pending {
				state = flow.SynReceived.String()
			}
		}
		c.States[state]++
		if orphan(ep.EndpointState()) {
			c.Orphaned++
		}
		if isIPv4(ep) {
			c.IPv4++
		} else {
			c.IPv6++
		}
	}
	h.path.EachLight(func(l *closepath.LightInfo) bool {
		c.add(l)
		return true
	})
	if n := h.path.TimeWaits(); n > 0 {
		c.States[flow.TimeWait.String()] = n
	}
	return c
}

// add counts a light connection.
func (c *SocketCounts) add(l *closepath.LightInfo) {
	c.States[l.State.String()]++
	switch l.State {
	case flow.FinWait1, flow.FinWait2, flow.Closing, flow.LastAck:
		c.Orphaned++
	}
	if l.Tuple.Src.Is4() {
		c.IPv4++
	} else {
		c.IPv6++
	}
}

// orphan reports whether an endpoint has sent its FIN and is not through.
func orphan(s tcp.EndpointState) bool {
	switch s {
	case tcp.StateFinWait1, tcp.StateFinWait2, tcp.StateClosing, tcp.StateLastAck:
		return true
	}
	return false
}

// endpoints are netstack's, each once: a listener for both families is
// registered twice.
func (h *Host) endpoints() (listening, connected []*tcp.Endpoint) {
	seen := make(map[*tcp.Endpoint]bool)
	for _, te := range h.net.RegisteredEndpoints() {
		ep, ok := te.(*tcp.Endpoint)
		if !ok || seen[ep] {
			continue
		}
		seen[ep] = true
		if ep.EndpointState() == tcp.StateListen {
			listening = append(listening, ep)
		} else {
			connected = append(connected, ep)
		}
	}
	return listening, connected
}

func byID(a, b *tcp.Endpoint) int {
	return cmp.Or(
		cmp.Compare(a.ID.LocalPort, b.ID.LocalPort),
		bytes.Compare(a.ID.LocalAddress.AsSlice(), b.ID.LocalAddress.AsSlice()),
		bytes.Compare(a.ID.RemoteAddress.AsSlice(), b.ID.RemoteAddress.AsSlice()),
		cmp.Compare(a.ID.RemotePort, b.ID.RemotePort),
	)
}

// socket describes an endpoint, unless it is closed by now.
func (h *Host) socket(ep *tcp.Endpoint) (Socket, bool) {
	s := Socket{State: socketState(ep)}
	if s.State == "" {
		return s, false
	}
	// An endpoint is registered under its ID, which stays.
	s.Local = addrPort(ep.ID.LocalAddress, ep.ID.LocalPort, ep.NetProto)
	switch ep.EndpointState() {
	case tcp.StateListen:
		s.SendQ = h.backlog
		s.V6Only = ep.NetProto == header.IPv6ProtocolNumber && ep.SocketOptions().GetV6Only()
		return s, true
	case tcp.StateConnecting, tcp.StateSynSent, tcp.StateSynRecv:
		// Their lock may be held until the handshake is over.
	default:
		if n, err := ep.GetSockOptInt(tcpip.ReceiveQueueSizeOption); err == nil {
			s.RecvQ = n
		}
		ep.LockUser()
		s.Timestamps = ep.SendTSOk
		ep.UnlockUser()
	}
	s.Remote = addrPort(ep.ID.RemoteAddress, ep.ID.RemotePort, ep.NetProto)
	var pending bool
	if s.FastOpen, pending = h.path.FastOpened(tupleOf(ep)); pending && s.State == flow.Established.String() {
		s.State = flow.SynReceived.String()
	}
	if timer, runs := h.path.FINTimer(tupleOf(ep)); runs {
		s.Timer, s.TimerLeft, s.Retransmissions = "on", timer.Left, timer.Copies
	}
	return s, true
}

// socketState is the endpoint's state, or "" if there is nothing to list.
func socketState(ep *tcp.Endpoint) string {
	switch state := ep.EndpointState(); state {
	case tcp.StateConnecting:
		return flow.SynSent.String()
	case tcp.StateClose, tcp.StateError, tcp.StateTimeWait:
		return "" // TIME_WAIT is the close path's; netstack is about to forget it
	default:
		return closepath.StateOf(state).String()
	}
}

// tupleOf is the 4-tuple of a connected endpoint, as the host's segments carry it.
func tupleOf(ep *tcp.Endpoint) segment.Tuple {
	return segment.Tuple{
		Src: segment.EndpointFrom(addrPort(ep.ID.LocalAddress, ep.ID.LocalPort, ep.NetProto)),
		Dst: segment.EndpointFrom(addrPort(ep.ID.RemoteAddress, ep.ID.RemotePort, ep.NetProto)),
	}
}

// isIPv4 reports whether it is an IPv4 address that the endpoint has.
func isIPv4(ep *tcp.Endpoint) bool {
	return addrPort(ep.ID.LocalAddress, 0, ep.NetProto).Addr().Is4()
}

// addrPort converts netstack's form. No address is any, of the protocol's family.
func addrPort(a tcpip.Address, port uint16, p tcpip.NetworkProtocolNumber) netip.AddrPort {
	addr, ok := netip.AddrFromSlice(a.AsSlice())
	switch {
	case ok:
		addr = addr.Unmap()
	case p == header.IPv4ProtocolNumber:
		addr = netip.IPv4Unspecified()
	default:
		addr = netip.IPv6Unspecified()
	}
	return netip.AddrPortFrom(addr, port)
}
