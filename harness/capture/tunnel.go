package capture

import (
	"bytes"
	"fmt"
	"net/netip"
)

// Tunnel is one tunnel that packets were taken out of. Two connections with the
// same addresses and ports in two tunnels are two connections: networks behind
// tunnels use the same private addresses. A Tunnel does not change once it was
// returned, there is one for all packets of a tunnel, in both directions, and its
// address may be compared.
type Tunnel struct {
	// Number counts the tunnels of a Segments from 1.
	Number uint32
	// Kind is "VXLAN", "GRE", "IP in IP" ...
	Kind string
	// ID is the network's number (VXLAN, Geneve) or the key (GRE); HasID says whether
	// there is one. A number that differs by direction, as in GTP-U and PPTP, does not
	// count.
	ID    uint32
	HasID bool
	// Ends are the outer addresses, the lower first.
	Ends [2]netip.Addr
	// In is the tunnel that this one is in, or nil.
	In *Tunnel
}

// String is "VXLAN 42 10.0.0.1-10.0.0.2", with the tunnel that it is in behind
// it.
func (t *Tunnel) String() string {
	s := t.Kind
	if t.HasID {
		s += fmt.Sprintf(" %d", t.ID)
	}
	if t.Ends[0].IsValid() {
		s += fmt.Sprintf(" %s-%s", t.Ends[0], t.Ends[1])
	}
	if t.In != nil {
		s += " in " + t.In.String()
	}
	return s
}

// tunnelKind is what a tunnel is made of.
type tunnelKind uint8

// The kinds. noTunnel does not keep connections apart: see cursor.
const (
	noTunnel tunnelKind = iota
	tunnelIPIP
	tunnel6in4
	tunnelGRE
	tunnelPPTP
	tunnelEtherIP
	tunnelMPLS
	tunnelVXLAN
	tunnelVXLANGPE
	tunnelGeneve
	tunnelGTP
)

var tunnelNames = [...]string{
	tunnelIPIP: "IP in IP", tunnel6in4: "6in4", tunnelGRE: "GRE", tunnelPPTP: "PPTP", tunnelEtherIP: "EtherIP",
	tunnelMPLS: "MPLS in IP", tunnelVXLAN: "VXLAN", tunnelVXLANGPE: "VXLAN-GPE", tunnelGeneve: "Geneve", tunnelGTP: "GTP-U",
}

// tunnelKey is what the packets of a tunnel have in common.
type tunnelKey struct {
	in    *Tunnel
	kind  tunnelKind
	hasID bool
	id    uint32
	a, b  [16]byte // the outer addresses, the lower first
}

// maxTunnels bounds the tunnels that are kept apart. Made-up ones in a flood share the
// last.
const maxTunnels = 1 << 16

// tunnels numbers the tunnels of a Segments.
type tunnels struct {
	known map[tunnelKey]*Tunnel
	last  tunnelKey
	found *Tunnel // of last
}

// of finds the tunnel of a key, or makes it.
func (t *tunnels) of(key *tunnelKey) *Tunnel {
	if t.found != nil && t.last == *key {
		return t.found
	}
	found := t.known[*key]
	if found == nil {
		if t.known == nil {
			t.known = map[tunnelKey]*Tunnel{}
		}
		if len(t.known) >= maxTunnels {
			*key = tunnelKey{}
			found = t.known[*key]
		}
		if found == nil {
			found = key.tunnel(uint32(len(t.known) + 1))
			t.known[*key] = found
		}
	}
	t.last, t.found = *key, found
	return found
}

func (k *tunnelKey) tunnel(number uint32) *Tunnel {
	t := &Tunnel{Number: number, Kind: tunnelNames[k.kind], ID: k.id, HasID: k.hasID, In: k.in}
	if k.kind == noTunnel {
		t.Kind = "one of many more tunnels"
		return t
	}
	t.Ends = [2]netip.Addr{netip.AddrFrom16(k.a).Unmap(), netip.AddrFrom16(k.b).Unmap()}
	return t
}

// ends sets the outer addresses.
func (k *tunnelKey) ends(src, dst *[16]byte) {
	k.a, k.b = *src, *dst
	if bytes.Compare(k.a[:], k.b[:]) > 0 {
		k.a, k.b = k.b, k.a
	}
}
