package probe

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// Neighbour tells the calling thread's network namespace that addr is reached
// through the named interface at the given hardware address: what ARP or
// neighbour discovery would have found, had anybody answered for a probe.
func Neighbour(iface string, addr netip.Addr, at net.HardwareAddr) error {
	l, err := netlink.LinkByName(iface)
	if err != nil {
		return fmt.Errorf("probe: neighbour %s on %s: %w", addr, iface, err)
	}
	family := netlink.FAMILY_V4
	if addr.Is6() {
		family = netlink.FAMILY_V6
	}
	err = netlink.NeighSet(&netlink.Neigh{
		LinkIndex: l.Attrs().Index, Family: family, State: netlink.NUD_PERMANENT,
		IP: addr.AsSlice(), HardwareAddr: at,
	})
	if err != nil {
		return fmt.Errorf("probe: neighbour %s on %s: %w", addr, iface, err)
	}
	return nil
}
