package inprocess

import (
	"net/netip"
	"slices"

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
	return func() *packetdrill.Result {
		if begun {
			return k.connected()
		}
		begun = true
		err := k.raw.Connect(netip.AddrPortFrom(c.Addr.IP, c.Addr.Port), nil)
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

// openFast is sendto with MSG_FASTOPEN: it connects, with the data in the SYN if the host
// has a cookie of the server's (RFC 7413, section 4.1.3).
func openFast(s *Subject, k *socket, c *packetdrill.Call) func() *packetdrill.Result {
	if c.Addr == nil {
		return func() *packetdrill.Result { return failed("EINVAL") }
	}
	begun, carried := false, false
	var rest func() *packetdrill.Result
	return func() *packetdrill.Result {
		switch {
		case !begun:
			begun = true
			before := s.device.waiting()
			err := k.raw.Connect(netip.AddrPortFrom(c.Addr.IP, c.Addr.Port), c.Data)
			if _, started := err.(*tcpip.ErrConnectStarted); !started && err != nil {
				return outcome(err)
			}
			if n := s.carried(before); n > 0 {
				carried = true
				k.early = slices.Clone(c.Data[:min(n, len(c.Data))])
			}
			switch {
			case k.waits(c.Flags):
				return nil
			case carried:
				return returned(len(k.early))
			}
			return outcome(err)
		case rest == nil:
			if r := k.connected(); r == nil || r.Return < 0 {
				return r
			}
			later := *c
			later.Data = c.Data[len(k.early):]
			if len(later.Data) == 0 {
				return returned(len(c.Data))
			}
			rest = plainWrite(k, &later, len(k.early))
		}
		return rest()
	}
}

// carried counts the bytes in the SYN that was sent last, if one was since before.
func (s *Subject) carried(before int) int {
	if s.device.waiting() <= before {
		return 0
	}
	p := s.device.last()
	at, ok := tcpAt(p)
	if !ok || p[at+13]&2 == 0 {
		return 0
	}
	return len(p) - at - int(p[at+12]>>4)*4
}
