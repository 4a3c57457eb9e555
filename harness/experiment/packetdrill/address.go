package packetdrill

import (
	"net/netip"
	"strings"

	"lastack/harness/experiment/packetdrill/script"
)

// address heeds --local_ip and --remote_ip. The subject has its addresses by then, so that
// another local one is refused.
func (r *run) address(o script.Option) error {
	text, _, _ := strings.Cut(o.Value, "/")
	a, err := netip.ParseAddr(text)
	if err != nil {
		return unsupported(o.Pos, "--%s=%s is no address", o.Name, o.Value)
	}
	own := &r.cfg.Addresses
	switch {
	case o.Name == "local_ip" && a != own.Local4 && a != own.Local6:
		return unsupported(o.Pos, "--local_ip=%s: the subject has %s and %s", a, own.Local4, own.Local6)
	case o.Name == "remote_ip" && a.Is4():
		own.Remote4 = a
	case o.Name == "remote_ip":
		own.Remote6 = a
	}
	return nil
}

const afINET, afINET6 = 2, 10

// family is that of the script's sockets. IPv4 through an IPv6 socket has the latter's.
func (r *run) family() int {
	if r.version == "ipv4" {
		return afINET
	}
	return afINET6
}

// ends are the addresses of packets.
func (r *run) ends() (local, remote netip.Addr) {
	if r.version == "ipv6" {
		return r.cfg.Addresses.Local6, r.cfg.Addresses.Remote6
	}
	return r.cfg.Addresses.Local4, r.cfg.Addresses.Remote4
}

// socketAddr is an address as the script's sockets have it.
func (r *run) socketAddr(a netip.Addr, port uint16) *Addr {
	if r.version == "ipv4-mapped-ipv6" && a.Is4() {
		a = netip.AddrFrom16(a.As16())
	}
	return &Addr{Family: r.family(), IP: a, Port: port}
}
