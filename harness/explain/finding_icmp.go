package explain

import (
	"fmt"
	"net/netip"
	"time"

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

// icmpSaid is the last word there was of a connection: an ICMP error, and nothing from the
// other side since.
type icmpSaid struct {
	Version uint8         `json:"version"` // of IP; see capture.ICMPError
	Type    uint8         `json:"type"`
	Code    uint8         `json:"code"`
	From    netip.Addr    `json:"from"`
	Self    bool          `json:"self"` // the host itself said so, which the segments went to
	MTU     uint32        `json:"mtu"`
	N       int           `json:"n"`
	At      time.Time     `json:"at"`    // the first
	After   time.Duration `json:"after"` // how long the connection went on, or was watched
}

// lastWord is what ICMP errors said last of a connection that did not end in order, nil
// for most.
func (e *ended) lastWord() *icmpSaid {
	n := e.note
	if n == nil || !e.unheard {
		return nil
	}
	if _, counts := classOf(&n.ICMPError); !counts {
		return nil
	}
	switch e.report.Close {
	case teardown.Open, teardown.Unanswered, teardown.HalfClosed, teardown.Reset:
	default:
		return nil
	}
	s := &icmpSaid{
		Version: n.Version, Type: n.Type, Code: n.Code, From: n.From, Self: n.From == n.Tuple.Dst.AddrPort().Addr(),
		MTU: n.MTU, N: n.n, At: n.Time.UTC(),
	}
	if s.until(e.seen); e.conn.Done() {
		s.until(e.report.Start.Add(e.duration()))
	}
	return s
}

// until notes when a connection ended, or until when it was watched.
func (s *icmpSaid) until(end time.Time) { s.After = max(0, end.Sub(s.At)) }

func (s *icmpSaid) error() *capture.ICMPError {
	return &capture.ICMPError{Version: s.Version, Type: s.Type, Code: s.Code}
}

func (s *icmpSaid) sound() bool {
	_, counts := classOf(s.error())
	return counts && s.From.IsValid() && s.N > 0
}

// fatal reports whether ICMP errors ended a connection. That something is too large is an
// answer to heed, and fatal only where it is not heeded in time for another attempt.
func (k *fact) fatal() bool {
	if k.ICMP == nil {
		return false
	}
	class, counts := classOf(k.ICMP.error())
	return counts && (class != icmpTooBig || k.ICMP.After >= AgainAfter)
}

// icmpCases are connections that ICMP errors of one class ended.
type icmpCases struct {
	Cases  cases     `json:"cases"`
	First  *icmpSaid `json:"first,omitempty"` // of the example
	Others bool      `json:"others"`          // were sent by others than the first
	Errors int       `json:"errors"`
	Least  uint32    `json:"least"` // MTU
}

func (h *host) addICMP(k *fact) {
	if !k.fatal() {
		return
	}
	class, _ := classOf(k.ICMP.error())
	one := icmpCases{First: k.ICMP, Errors: k.ICMP.N, Least: k.ICMP.MTU}
	one.Cases.add(k)
	if h.ICMP == nil {
		h.ICMP = &[nICMP]icmpCases{}
	}
	h.ICMP[class].merge(&one)
}

func (h *host) mergeICMP(o *host) {
	if o.ICMP == nil {
		return
	}
	if h.ICMP == nil {
		h.ICMP = &[nICMP]icmpCases{}
	}
	for i := range o.ICMP {
		h.ICMP[i].merge(&o.ICMP[i])
	}
}

// merge adds what another has counted.
func (c *icmpCases) merge(o *icmpCases) {
	if o.Cases.N == 0 {
		return
	}
	if c.Cases.N == 0 {
		c.First, c.Least = o.First, o.Least
	}
	c.Others = c.Others || o.Others || c.First.From != o.First.From
	if c.Cases.merge(&o.Cases); c.Cases.Example == o.Cases.Example {
		c.First = o.First
	}
	c.Errors, c.Least = c.Errors+o.Errors, min(c.Least, o.Least)
}

// soundICMP is for what was read from a file.
func (h *host) soundICMP() bool {
	if h.ICMP == nil {
		return true
	}
	for i, c := range h.ICMP {
		if c.Cases.N == 0 {
			continue
		}
		if c.First == nil || !c.First.sound() {
			return false
		}
		if class, _ := classOf(c.First.error()); class != icmpClass(i) {
			return false
		}
	}
	return true
}

// unreachable is about what ICMP errors ended: one finding of a sort for each server.
func (h *host) unreachable(server string, n int) (out []Finding) {
	if h.ICMP == nil {
		return nil
	}
	most := icmpNoHost
	for class := range icmpTooBig {
		if h.ICMP[class].Cases.N > h.ICMP[most].Cases.N {
			most = class
		}
	}
	if m := &h.ICMP[most]; m.Cases.N > 0 {
		out = m.Cases.about(FindUnreachable, server, "%s to %s ended with ICMP errors, after which nothing came back: %s: %s.",
			m.Cases.of(n), server, m.said(), m.remedy(most))
	}
	if big := &h.ICMP[icmpTooBig]; big.Cases.N > 0 {
		out = append(out, big.Cases.about(FindPathMTU, server, "%s to %s came to a halt at segments that do not fit the path: %s (MTU %d), and the sender did not make them smaller. Something drops the errors on their way to it: let ICMP type 3 code 4 and ICMPv6 type 2 pass, clamp the MSS at the router (nft tcp option maxseg size set rt mtu), or set net.ipv4.tcp_mtu_probing=1 at the sender.",
			big.Cases.of(n), server, big.said(), big.Least)...)
	}
	return out
}

// said is "192.0.2.9 sent "host unreachable" 12 times".
func (c *icmpCases) said() string {
	who := c.First.From.String()
	if c.Others {
		who += " and others"
	}
	return fmt.Sprintf("%s sent %q %s", who, c.First.error().What(), times(c.Errors))
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return number(n) + " times"
}

func (c *icmpCases) remedy(class icmpClass) string {
	switch {
	case class == icmpForbidden:
		return "a filter there forbids it, and connect() fails at once (EHOSTUNREACH, over IPv6 EACCES). Change its rules, or go where they allow"
	case c.First.Self:
		return "the host itself answers so, which is what a firewall on it does (REJECT; where nothing listens TCP sends a RST), and connect() fails at once. Open the port in its firewall"
	case class == icmpRejected:
		return "a firewall on the way rejects the port, and connect() fails at once (ECONNREFUSED). Open the port there"
	}
	return "that router has no route, or the host does not answer its ARP or neighbour discovery, and connect() fails (EHOSTUNREACH, ENETUNREACH). Look whether the host is up, and at the router's routes and neighbours (ip route get, ip neigh)"
}
