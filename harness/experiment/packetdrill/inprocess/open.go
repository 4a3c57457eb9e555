package inprocess

import (
	"net/netip"

	"lastack/harness/experiment/packetdrill"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

func bind(k *socket, c *packetdrill.Call) *packetdrill.Result {
	if c.Addr == nil {
		return failed("EINVAL")
	}
	return outcome(k.raw.Bind(netip.AddrPortFrom(c.Addr.IP, c.Addr.Port)))
}

func listen(k *socket, c *packetdrill.Call) *packetdrill.Result {
	err := k.raw.Listen(c.Backlog)
	k.listens = k.listens || err == nil
	return outcome(err)
}

func accept(s *Subject, k *socket, c *packetdrill.Call) func() *packetdrill.Result {
	return func() *packetdrill.Result {
		raw, err := k.raw.Accept()
		if err != nil {
			if _, none := err.(*tcpip.ErrWouldBlock); none && k.waits(0) {
				return nil
			}
			return outcome(err)
		}
		r := returned(s.add(&socket{raw: raw, domain: k.domain, nonblock: c.Flags&nonblock != 0}))
		if t, ok := raw.Tuple(); ok {
			peer := t.Dst.AddrPort()
			r.Addr = &packetdrill.Addr{Family: k.domain, IP: peer.Addr(), Port: peer.Port()}
		}
		return r
	}
}

func connect(_ *Subject, k *socket, c *packetdrill.Call) func() *packetdrill.Result {
	if c.Addr == nil {
		return func() *packetdrill.Result { return failed("EINVAL") }
	}
	begun := false
	to := netip.AddrPortFrom(c.Addr.IP, c.Addr.Port)
	return func() *packetdrill.Result {
		if begun {
			return k.connected()
		}
		begun = true
		var early []byte
		if k.fast {
			if _, ready := k.raw.MayOpenFast(to); ready {
				k.deferred = c.Addr
				return returned(0)
			}
			early = []byte{} // asks for a cookie
		}
		err := k.raw.Connect(to, early)
		if _, started := err.(*tcpip.ErrConnectStarted); started && k.waits(0) {
			return nil
		}
		return outcome(err)
	}
}

// connecting reports whether a handshake is under way.
func (k *socket) connecting() bool {
	switch tcp.EndpointState(k.raw.Endpoint.State()) {
	case tcp.StateConnecting, tcp.StateSynSent, tcp.StateSynRecv:
		return true
	}
	return false
}

// connected is the result of a connect that blocked, nil while it does.
func (k *socket) connected() *packetdrill.Result {
	switch {
	case k.connecting():
		return nil
	case k.over():
		if err := k.raw.Endpoint.LastError(); err != nil {
			return outcome(err)
		}
	}
	return returned(0)
}

func (k *socket) over() bool {
	switch tcp.EndpointState(k.raw.Endpoint.State()) {
	case tcp.StateError, tcp.StateClose:
		return true
	}
	return false
}
