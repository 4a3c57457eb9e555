package segment

import "net/netip"

// Endpoint is an address and a port without pointers, so that a table of
// hundreds of thousands of them costs the garbage collector nothing. An IPv4
// address is kept in its IPv4-mapped form (RFC 4291 2.5.5.2).
type Endpoint struct {
	Addr [16]byte
	Port uint16
}

// EndpointFrom converts from the standard library's form, dropping a zone.
func EndpointFrom(ap netip.AddrPort) Endpoint {
	return Endpoint{Addr: ap.Addr().As16(), Port: ap.Port()}
}

// AddrPort converts to the standard library's form; IPv4 comes out as IPv4.
func (e Endpoint) AddrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(e.Addr).Unmap(), e.Port)
}

// Is4 reports whether the address is an IPv4 one.
func (e Endpoint) Is4() bool {
	return e.Addr[0] == 0 && [12]byte(e.Addr[:12]) == [12]byte{10: 0xff, 11: 0xff}
}

// String is "192.0.2.1:80" or "[2001:db8::1]:80".
func (e Endpoint) String() string { return e.AddrPort().String() }

// Compare orders endpoints by address, then port.
func (e Endpoint) Compare(o Endpoint) int {
	for i := range e.Addr {
		if e.Addr[i] != o.Addr[i] {
			return int(e.Addr[i]) - int(o.Addr[i])
		}
	}
	return int(e.Port) - int(o.Port)
}

// Tuple names a connection as one direction sees it: TCP's 4-tuple.
type Tuple struct {
	Src, Dst Endpoint
}

// Reverse is the same connection in the other direction.
func (t Tuple) Reverse() Tuple { return Tuple{Src: t.Dst, Dst: t.Src} }

// Canonical is the same Tuple for both directions of a connection; the second
// result tells whether t had to be turned around for it.
func (t Tuple) Canonical() (Tuple, bool) {
	if t.Src.Compare(t.Dst) <= 0 {
		return t, false
	}
	return t.Reverse(), true
}

// String is "src > dst", as tcpdump writes it.
func (t Tuple) String() string { return t.Src.String() + " > " + t.Dst.String() }
