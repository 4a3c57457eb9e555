package explain

import (
	"fmt"

	"lastack/harness/capture"
	"lastack/harness/teardown"
)

// icmpClass is what ICMP errors that end a connection ask somebody to do.
type icmpClass uint8

const (
	icmpNoHost   icmpClass = iota // a network or host that is not reached
	icmpRejected                  // a port that somebody rejects
	icmpForbidden
	icmpTooBig
	nICMP
)

// classOf sorts an error; false for those that end no connection, or that a traceroute
// asks for (time to live exceeded).
func classOf(e *capture.ICMPError) (icmpClass, bool) {
	switch [3]uint8{e.Version, e.Type, e.Code} {
	case [3]uint8{4, 3, 3}, [3]uint8{6, 1, 4}, [3]uint8{4, 3, 2}:
		return icmpRejected, true
	case [3]uint8{4, 3, 9}, [3]uint8{4, 3, 10}, [3]uint8{4, 3, 13}, [3]uint8{6, 1, 1}, [3]uint8{6, 1, 5}, [3]uint8{6, 1, 6}:
		return icmpForbidden, true
	case [3]uint8{4, 3, 4}, [3]uint8{6, 2, 0}:
		return icmpTooBig, true
	case [3]uint8{4, 3, 0}, [3]uint8{4, 3, 1}, [3]uint8{4, 3, 6}, [3]uint8{4, 3, 7}, [3]uint8{6, 1, 0}, [3]uint8{6, 1, 2}, [3]uint8{6, 1, 3}:
		return icmpNoHost, true
	}
	return 0, false
}

// fatal reports whether an error was the last that there was of a connection: nothing has
// come from the other side since, and it did not end in order. That something is too
// large is an answer to heed, and fatal only where it is not heeded in time for another
// attempt.
func (a *Analysis) fatal(e *ended, n *icmpNote) bool {
	class, counts := classOf(&n.ICMPError)
	switch {
	case !counts, !n.known, n.heard != a.heardFrom(e.conn, n):
		return false
	case class == icmpTooBig && a.table.Now().Sub(n.Time) < AgainAfter:
		return false
	}
	switch e.report.Close {
	case teardown.Open, teardown.Unanswered, teardown.HalfClosed, teardown.Reset:
		return true
	}
	return false
}

// icmpCases are connections that ICMP errors of one class ended.
type icmpCases struct {
	cases
	first  capture.ICMPError
	others bool // were sent by others than the first
	errors int
	least  uint32 // MTU
}

func (h *host) addICMP(e *ended) {
	n := e.fatal
	if n == nil {
		return
	}
	class, _ := classOf(&n.ICMPError)
	if h.icmp == nil {
		h.icmp = &[nICMP]icmpCases{}
	}
	c := &h.icmp[class]
	if c.add(e); c.n == 1 {
		c.first, c.least = n.ICMPError, n.MTU
	}
	c.others = c.others || n.From != c.first.From
	c.errors += n.n
	c.least = min(c.least, n.MTU)
}

// unreachable is about what ICMP errors ended: one finding of a sort for each server.
func (h *host) unreachable(server string, n int) []Finding {
	if h.icmp == nil {
		return nil
	}
	most := icmpNoHost
	for class := range icmpTooBig {
		if h.icmp[class].n > h.icmp[most].n {
			most = class
		}
	}
	m, big := &h.icmp[most], &h.icmp[icmpTooBig]
	return append(
		m.about(FindUnreachable, server, "%s to %s ended with ICMP errors, after which nothing came back: %s: %s.",
			m.of(n), server, m.said(), m.remedy(most)),
		big.about(FindPathMTU, server, "%s to %s came to a halt at segments that do not fit the path: %s (MTU %d), and the sender did not make them smaller. Something drops the errors on their way to it: let ICMP type 3 code 4 and ICMPv6 type 2 pass, clamp the MSS at the router (nft tcp option maxseg size set rt mtu), or set net.ipv4.tcp_mtu_probing=1 at the sender.",
			big.of(n), server, big.said(), big.least)...)
}

// said is "192.0.2.9 sent "host unreachable" 12 times".
func (c *icmpCases) said() string {
	who := c.first.From.String()
	if c.others {
		who += " and others"
	}
	return fmt.Sprintf("%s sent %q %s", who, c.first.What(), times(c.errors))
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return number(n) + " times"
}

func (c *icmpCases) remedy(class icmpClass) string {
	self := c.first.From == c.first.Tuple.Dst.AddrPort().Addr()
	switch {
	case class == icmpForbidden:
		return "a filter there forbids it, and connect() fails at once (EHOSTUNREACH, over IPv6 EACCES). Change its rules, or go where they allow"
	case self:
		return "the host itself answers so, which is what a firewall on it does (REJECT; where nothing listens TCP sends a RST), and connect() fails at once. Open the port in its firewall"
	case class == icmpRejected:
		return "a firewall on the way rejects the port, and connect() fails at once (ECONNREFUSED). Open the port there"
	}
	return "that router has no route, or the host does not answer its ARP or neighbour discovery, and connect() fails (EHOSTUNREACH, ENETUNREACH). Look whether the host is up, and at the router's routes and neighbours (ip route get, ip neigh)"
}
