package packetdrill

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"lastack/harness/experiment/packetdrill/script"
)

// Of are the addresses and the MTU that a subject for a script needs: the script may name
// its own by --local_ip and --mtu.
func (a Addresses) Of(s *script.Script) (Addresses, error) {
	for _, o := range s.Options {
		switch o.Name {
		case "local_ip":
			ip, err := optionIP(o)
			if err != nil {
				return a, err
			}
			*ofFamily(ip, &a.Local4, &a.Local6) = ip
		case "mtu":
			n, err := strconv.ParseUint(o.Value, 0, 16)
			if err != nil || n < MinMTU {
				return a, unsupported(o.Pos, "--mtu=%s: want %d to 65535", o.Value, MinMTU)
			}
			a.MTU = int(n)
		}
	}
	return a, nil
}

// ofFamily is where an address of its family stands.
func ofFamily(ip netip.Addr, v4, v6 *netip.Addr) *netip.Addr {
	if ip.Is4() {
		return v4
	}
	return v6
}

// Set sets an address by the name of packetdrill's option, local_ip or remote_ip.
func (a *Addresses) Set(name, value string) error {
	ip, err := hostIP(name, value)
	if err != nil {
		return err
	}
	if name == "local_ip" {
		*ofFamily(ip, &a.Local4, &a.Local6) = ip
	} else {
		*ofFamily(ip, &a.Remote4, &a.Remote6) = ip
	}
	return nil
}

// MinMTU is IPv6's (RFC 8200, section 5), as a subject has both; MaxMTU is what a packet
// may have.
const (
	MinMTU = 1280
	MaxMTU = 65535
)

func optionIP(o script.Option) (netip.Addr, error) {
	ip, err := hostIP(o.Name, o.Value)
	if err != nil {
		return ip, unsupported(o.Pos, "%v", err)
	}
	return ip, nil
}

func hostIP(name, value string) (netip.Addr, error) {
	text, _, _ := strings.Cut(value, "/")
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.IsUnspecified() || ip.IsLoopback() || ip.IsMulticast() || ip.Zone() != "" {
		return ip, fmt.Errorf("--%s=%s is no address that a host can have", name, value)
	}
	return ip.Unmap(), nil
}

// address heeds --local_ip and --remote_ip. The subject has its addresses by then, so that
// another local one is refused.
func (r *run) address(o script.Option) error {
	a, err := optionIP(o)
	if err != nil {
		return err
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
