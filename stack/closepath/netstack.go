package closepath

import (
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// netstackTimeWait is how long netstack's own TIME_WAIT lasts. With 0, the endpoint
// would be locked to be taken down just while netstack may still have a segment for
// it, a FIN that came twice, say: netstack's processors then spin until the lock is
// free, and where they have every processor of a busy machine, that takes for ever.
const netstackTimeWait = 3 * time.Millisecond

// ForStack wraps link, which is to carry the packets of s's interface nic, and answers
// the Endpoint's questions about connections from s. The caller creates the interface:
//
//	err := s.CreateNIC(nic, closepath.ForStack(s, nic, link, closepath.Config{}))
//
// ForStack fills in what cfg leaves open: Clock, Alive, Registered and Listening. Unless
// cfg says PicksPorts, it keeps netstack from taking the local port of an outgoing
// connection in TIME_WAIT for another one to the same destination, which costs 1.7 KB for
// each of at most 32,768. If s takes its connections by a tcp.Forwarder, set
// Config.Forwarder, as netstack does not tell.
//
// It also changes s: netstack's own TIME_WAIT is shortened to a few milliseconds, and the
// tunables net.ipv4.tcp_fin_timeout and net.ipv4.tcp_syncookies set what they mean in
// netstack. Do not set TCPTimeWaitTimeoutOption afterwards.
//
// Any number of addresses, promiscuous mode and spoofing need no setting: connections are
// found by their 4-tuples. A connection whose packets come and go by two interfaces is
// not supported: each interface with an Endpoint has its own TIME_WAIT.
//
// The Endpoint owns link, as with New. s closes it with the interface.
func ForStack(s *netstack.Stack, nic tcpip.NICID, link netstack.LinkEndpoint, cfg Config) *Endpoint {
	q := questions{s, nic}
	if cfg.Clock == nil {
		cfg.Clock = s.Clock()
	}
	if cfg.Alive == nil {
		cfg.Alive = q.alive
	}
	if cfg.Registered == nil {
		cfg.Registered = q.registered
	}
	if cfg.Listening == nil {
		cfg.Listening = q.listening
	}
	e := New(link, cfg)
	e.lights.attach(s, nic)
	if !cfg.PicksPorts {
		e.reserve(s)
	}
	// A stack without TCP refuses these, and has no use for them.
	moment := tcpip.TCPTimeWaitTimeoutOption(netstackTimeWait)
	_ = s.SetTransportProtocolOption(tcp.ProtocolNumber, &moment)
	e.obey(tunable.FinTimeout, func(seconds int64) {
		// Of connections in FIN_WAIT_2 that the application has closed, from now on.
		d := tcpip.TCPLingerTimeoutOption(time.Duration(seconds) * time.Second)
		_ = s.SetTransportProtocolOption(tcp.ProtocolNumber, &d)
	})
	e.obey(tunable.SynCookies, func(when int64) {
		always := tcpip.TCPAlwaysUseSynCookies(when == 2)
		_ = s.SetTransportProtocolOption(tcp.ProtocolNumber, &always)
	})
	return e
}

// obey sets what netstack does by itself, now and whenever the tunable changes.
func (e *Endpoint) obey(id tunable.ID, set func(int64)) {
	set(e.tunables.Int(id))
	e.unwatch = append(e.unwatch, e.tunables.OnChange(id, set))
}

// questions are what the close path asks a netstack. They take netstack's locks of the
// demultiplexer, and none of an endpoint.
type questions struct {
	s   *netstack.Stack
	nic tcpip.NICID
}

// alive is Config.Alive.
func (q questions) alive(t segment.Tuple) bool {
	ep := Find(q.s, q.nic, t)
	return ep != nil && ep.EndpointState() != tcp.StateTimeWait
}

// registered is Config.Registered.
func (q questions) registered(t segment.Tuple) bool { return Find(q.s, q.nic, t) != nil }

// listening is Config.Listening.
func (q questions) listening(at segment.Endpoint) bool {
	ep := q.find(netstack.TransportEndpointID{LocalPort: at.Port, LocalAddress: address(at)}, at)
	return ep != nil && ep.EndpointState() == tcp.StateListen
}

func (q questions) find(id netstack.TransportEndpointID, local segment.Endpoint) *tcp.Endpoint {
	ep, _ := q.s.FindTransportEndpoint(protocolAt(local), tcp.ProtocolNumber, id, q.nic).(*tcp.Endpoint)
	return ep
}

// Find is netstack's endpoint of exactly the connection (the tuple's Src is the host), or
// nil. netstack's own search falls back to a listener, which no caller wants.
func Find(s *netstack.Stack, nic tcpip.NICID, t segment.Tuple) *tcp.Endpoint {
	ep := questions{s, nic}.find(endpointID(t), t.Src)
	if ep == nil || ep.EndpointState() == tcp.StateListen {
		return nil
	}
	return ep
}

// StateOf translates a state of netstack's; flow.Unknown is one of no connection
// (initial, bound), or one that netstack is still connecting.
func StateOf(s tcp.EndpointState) flow.State {
	switch s {
	case tcp.StateListen:
		return flow.Listen
	case tcp.StateSynSent:
		return flow.SynSent
	case tcp.StateSynRecv:
		return flow.SynReceived
	case tcp.StateEstablished:
		return flow.Established
	case tcp.StateFinWait1:
		return flow.FinWait1
	case tcp.StateFinWait2:
		return flow.FinWait2
	case tcp.StateCloseWait:
		return flow.CloseWait
	case tcp.StateClosing:
		return flow.Closing
	case tcp.StateLastAck:
		return flow.LastAck
	case tcp.StateTimeWait:
		return flow.TimeWait
	case tcp.StateClose, tcp.StateError:
		return flow.Closed
	}
	return flow.Unknown
}

// address is netstack's form of an endpoint's address.
func address(e segment.Endpoint) tcpip.Address {
	if e.Is4() {
		return tcpip.AddrFrom4([4]byte(e.Addr[12:]))
	}
	return tcpip.AddrFrom16(e.Addr)
}

func protocolAt(e segment.Endpoint) tcpip.NetworkProtocolNumber {
	if e.Is4() {
		return header.IPv4ProtocolNumber
	}
	return header.IPv6ProtocolNumber
}
