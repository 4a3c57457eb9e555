package capture

import "encoding/binary"

// Ports of tunnels over UDP (IANA), and the one of VXLAN that Linux uses unless
// it is told otherwise.
const (
	portGTP      = 2152
	portTeredo   = 3544
	portGRE      = 4754
	portVXLAN    = 4789
	portVXLANGPE = 4790
	portGeneve   = 6081
	portMPLS     = 6635
	portVXLANOld = 8472
)

// udp looks for a tunnel by the ports.
func (c *cursor) udp() verdict {
	h := c.take(8)
	if h == nil {
		return c.not(kindIPProtocol | 17)
	}
	c.guessed = true
	v := c.tunnelOf(binary.BigEndian.Uint16(h[2:]))
	if v == notIP && c.kind == kindUDP {
		v = c.tunnelOf(binary.BigEndian.Uint16(h))
	}
	return v
}

// kindUDP is UDP without a tunnel.
const kindUDP = kindIPProtocol | 17

// tunnelOf reads what a port stands for; the cursor stays where it is if that is
// no tunnel.
func (c *cursor) tunnelOf(port uint16) verdict {
	switch port {
	case portVXLAN, portVXLANOld:
		return c.vxlan(port == portVXLANOld)
	case portVXLANGPE:
		return c.vxlanGPE()
	case portGeneve:
		return c.geneve()
	case portGTP:
		return c.gtp()
	case portTeredo:
		return c.teredo()
	case portGRE:
		return c.gre()
	case portMPLS:
		c.outer.kind = tunnelMPLS
		return c.mpls()
	}
	return c.not(kindUDP)
}

// header returns the next n bytes without passing them. Where they are missing, v says
// what that means.
func (c *cursor) header(n int) (h []byte, v verdict) {
	if len(c.rest()) < n {
		return nil, tooShort
	}
	return c.rest()[:n], isIP
}

// vxlan reads RFC 7348. On a port that other protocols use too, everything that
// is reserved has to be 0.
func (c *cursor) vxlan(strict bool) verdict {
	h, v := c.header(8)
	switch {
	case v != isIP:
		return v
	case h[0]&8 == 0, strict && (h[0] != 8 || h[1]|h[2]|h[3]|h[7] != 0):
		return c.not(kindUDP)
	}
	c.at += 8
	c.network(tunnelVXLAN, h[4:])
	return c.ethernet()
}

// network notes a tunnel whose networks have numbers of 24 bits.
func (c *cursor) network(k tunnelKind, number []byte) {
	c.outer.kind, c.outer.hasID, c.outer.id = k, true, binary.BigEndian.Uint32(number)>>8
}

// vxlanGPE reads draft-ietf-nvo3-vxlan-gpe, which names the protocol inside.
func (c *cursor) vxlanGPE() verdict {
	h, v := c.header(8)
	switch {
	case v != isIP:
		return v
	case h[0]&8 == 0:
		return c.not(kindUDP)
	}
	c.at += 8
	c.network(tunnelVXLANGPE, h[4:])
	if h[0]&4 == 0 {
		return c.ethernet()
	}
	switch h[3] {
	case 1:
		return c.ip(4)
	case 2:
		return c.ip(6)
	case 3:
		return c.ethernet()
	case 5:
		return c.mpls()
	}
	return c.not(kindTunnel)
}

// geneve reads RFC 8926.
func (c *cursor) geneve() verdict {
	h, v := c.header(8)
	switch {
	case v != isIP:
		return v
	case h[0]>>6 != 0:
		return c.not(kindUDP)
	}
	c.at += 8
	c.network(tunnelGeneve, h[4:])
	if c.take(int(h[0]&0x3f)*4) == nil {
		return tooShort
	}
	typ := binary.BigEndian.Uint16(h[2:])
	if typ < minEtherType {
		return c.not(kindTunnel)
	}
	return c.etherType(typ)
}

// gtp reads the packets of version 1 of GTP-U (3GPP TS 29.281). Each direction
// has an endpoint identifier of its own, so that only the addresses tell tunnels
// apart.
func (c *cursor) gtp() verdict {
	const packets, extended, anyOption = 255, 4, 7
	h, v := c.header(8)
	switch {
	case v != isIP:
		return v
	case h[0]>>4 != 3: // version 1, and no GTP'
		return c.not(kindUDP)
	case h[1] != packets:
		return c.not(kindTunnel)
	}
	c.at += 8
	c.outer.kind = tunnelGTP
	if h[0]&anyOption == 0 {
		return c.ip(0)
	}
	options := c.take(4)
	if options == nil {
		return tooShort
	}
	if h[0]&extended == 0 {
		return c.ip(0)
	}
	for next := options[3]; next != 0; {
		b := c.rest()
		if len(b) == 0 {
			return tooShort
		}
		if b[0] == 0 {
			return c.not(kindTunnel)
		}
		e := c.take(int(b[0]) * 4)
		if e == nil {
			return tooShort
		}
		next = e[len(e)-1]
	}
	return c.ip(0)
}

// teredo reads IPv6 behind the indications of RFC 4380. Its packets take several ways,
// and their inner addresses are globally unique: the outer ones tell no connections
// apart.
func (c *cursor) teredo() verdict {
	start := c.at
	if b := c.rest(); len(b) >= 4 && b[0] == 0 && b[1] == 1 { // authentication
		if c.take(4+int(b[2])+int(b[3])+9) == nil {
			return tooShort
		}
	}
	if b := c.rest(); len(b) >= 2 && b[0] == 0 && b[1] == 0 { // origin
		if c.take(8) == nil {
			return tooShort
		}
	}
	b := c.rest()
	switch {
	case len(b) > 0 && b[0]>>4 == 6 && len(b) < lenIPv6:
		return tooShort
	case len(b) < lenIPv6, b[0]>>4 != 6, !isTeredo(b[8:]) && !isTeredo(b[24:]):
		c.at = start
		return c.not(kindUDP)
	}
	return c.ip(6)
}

// isTeredo reports whether an address is of 2001::/32.
func isTeredo(addr []byte) bool { return binary.BigEndian.Uint32(addr) == 0x20010000 }
