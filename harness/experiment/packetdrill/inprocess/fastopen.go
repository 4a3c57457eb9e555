package inprocess

import (
	"net/netip"
	"slices"

	"lastack/harness/experiment/packetdrill"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// fastOpening is a write that opens its connection: sendto with MSG_FASTOPEN, or the first
// write behind a connect that TCP_FASTOPEN_CONNECT put off (RFC 7413, section 4.1.3). The
// SYN carries the data if the host has a cookie of the server's.
type fastOpening struct {
	s     *Subject
	k     *socket
	call  *packetdrill.Call
	to    netip.AddrPort
	begun bool
	early int                        // bytes that the SYN carried
	rest  func() *packetdrill.Result // what the SYN had no room for
}

func openFast(s *Subject, k *socket, c *packetdrill.Call, to *packetdrill.Addr) func() *packetdrill.Result {
	if to == nil {
		return func() *packetdrill.Result { return failed("EINVAL") }
	}
	o := &fastOpening{s: s, k: k, call: c, to: netip.AddrPortFrom(to.IP, to.Port)}
	return o.try
}

func (o *fastOpening) try() *packetdrill.Result {
	switch {
	case !o.begun:
		o.begun = true
		return o.begin()
	case o.rest == nil:
		if r := o.k.connected(); r == nil || r.Return < 0 {
			return r
		}
		later := *o.call
		later.Data = o.call.Data[o.early:]
		if len(later.Data) == 0 {
			return returned(len(o.call.Data))
		}
		o.rest = plainWrite(o.k, &later, o.early)
	}
	return o.rest()
}

// begin sends the SYN.
func (o *fastOpening) begin() *packetdrill.Result {
	if permitted, _ := o.k.raw.MayOpenFast(o.to); !permitted {
		return failed("EOPNOTSUPP")
	}
	before := o.s.device.waiting()
	data := append([]byte{}, o.call.Data...) // not nil
	err := o.k.raw.Connect(o.to, data)
	if _, started := err.(*tcpip.ErrConnectStarted); !started && err != nil {
		return outcome(err)
	}
	o.early = min(o.s.carried(before), len(data))
	if o.early > 0 {
		o.k.early = slices.Clone(data[:o.early])
	}
	switch {
	case o.k.waits(o.call.Flags):
		return nil
	case o.early > 0:
		return returned(o.early)
	}
	return outcome(err)
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

// tcpAt is where the TCP header of a packet begins.
func tcpAt(p []byte) (int, bool) {
	at := 0
	switch {
	case len(p) >= header.IPv4MinimumSize && p[0]>>4 == 4 && header.IPv4(p).Protocol() == uint8(header.TCPProtocolNumber):
		at = int(header.IPv4(p).HeaderLength())
	case len(p) >= header.IPv6MinimumSize && p[0]>>4 == 6 && header.IPv6(p).NextHeader() == uint8(header.TCPProtocolNumber):
		at = header.IPv6MinimumSize
	default:
		return 0, false
	}
	return at, len(p) >= at+header.TCPMinimumSize
}
