package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"lastack/harness/lab"
	"lastack/tun"

	"github.com/vishvananda/netlink"
)

// lend makes the interface that the program serves on. On a plain wire with a TUN that is
// the near end itself:
//
//	near kernel -- Link -- the program
//
// Frames need somebody who answers ARP for whatever address the near end uses, and
// impairments need a place, so that a kernel that routes stands in between otherwise:
//
//	near kernel -- Link ==== joint -- FarLink -- the program
//	   near namespace          a namespace of its own
func (p Program) lend(w *Wire) (file *os.File, name string, ns *lab.Namespace, err error) {
	c := &w.Config
	plain := c.Join == nil && len(c.Impairments) == 0 && c.Tap == nil
	if plain && !p.TAP {
		file, err = lend(w.near, tun.Config{Name: c.Link, MTU: c.MTU, Addrs: []netip.Prefix{c.NearAddr}}, tun.Layer3)
		return file, c.Link, w.near, err
	}
	if !c.FarAddr.Is4() {
		return nil, "", nil, fmt.Errorf("wire: a program on a TAP or on a bad wire has an IPv4 address: %w", errors.ErrUnsupported)
	}
	if ns, err = lab.NewNamespace(); err != nil {
		return nil, "", nil, err
	}
	w.AtEnd(ns.Close)
	kind := tun.Layer3
	if p.TAP {
		kind = tun.Layer2
	}
	name = c.FarLink
	if name == "" {
		name = c.Link
	}
	if file, err = lend(ns, tun.Config{Name: name, MTU: c.MTU, Addrs: []netip.Prefix{routerAddr}}, kind); err != nil {
		return nil, "", nil, err
	}
	if err = w.routeTo(ns, name); err != nil {
		return nil, "", nil, errors.Join(err, file.Close())
	}
	return file, name, ns, nil
}

// joint is the router's interface towards the near end.
const joint = "joint"

// routerAddr and routerJoint are the router's own, link-local; with the first it asks for
// hardware addresses.
var (
	routerAddr  = netip.MustParsePrefix("169.254.77.1/32")
	routerJoint = netip.MustParsePrefix("169.254.77.2/32")
)

func lend(ns *lab.Namespace, cfg tun.Config, kind tun.Kind) (file *os.File, err error) {
	err = within(ns, func() error {
		file, err = tun.Lend(cfg, kind)
		return err
	})
	return file, err
}

// routeTo joins the near end to a namespace that routes to the interface of that name,
// and answers there for every address of the near end.
func (w *Wire) routeTo(ns *lab.Namespace, name string) error {
	c := &w.Config
	near, err := w.open(w.near, c.Link, c.NearAddr)
	if err != nil {
		return err
	}
	far, err := w.open(ns, joint, routerJoint)
	if err != nil {
		return errors.Join(err, near.Close())
	}
	if c.Join == nil {
		c.Join = w.forward
	}
	if err := w.join(near, far); err != nil {
		return err
	}
	return ns.Do(func() error {
		if err := route(joint, c.NearAddr.Masked()); err != nil {
			return err
		}
		if err := route(name, netip.PrefixFrom(c.FarAddr, c.FarAddr.BitLen())); err != nil {
			return err
		}
		for _, s := range [][2]string{
			{"net/ipv4/conf/" + name + "/proxy_arp", "1"},
			// What is asked for is answered at once, and not after up to 0.8 s.
			{"net/ipv4/neigh/" + name + "/proxy_delay", "0"},
			{"net/ipv4/conf/all/rp_filter", "0"},
			{"net/ipv4/conf/" + name + "/rp_filter", "0"},
			{"net/ipv4/conf/" + joint + "/rp_filter", "0"},
			{"net/ipv4/ip_forward", "1"},
		} {
			if err := lab.Sysctl(s[0], s[1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// route sends what is for the prefix to the interface of the calling thread's namespace.
func route(name string, to netip.Prefix) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("wire: routing to %s: %w", name, err)
	}
	dst := &net.IPNet{IP: to.Addr().AsSlice(), Mask: net.CIDRMask(to.Bits(), to.Addr().BitLen())}
	if err := netlink.RouteReplace(&netlink.Route{LinkIndex: l.Attrs().Index, Scope: netlink.SCOPE_LINK, Dst: dst}); err != nil {
		return fmt.Errorf("wire: routing %s to %s: %w", to, name, err)
	}
	return nil
}
