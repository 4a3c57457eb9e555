package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The names of the interfaces of a Path, alike at both ends of a leg.
const (
	ClientLeg = "client-leg"
	ServerLeg = "server-leg"
)

// PathConfig describes a Path. The addresses are required.
type PathConfig struct {
	// Client and Near are the addresses of the client's leg, Far and Server those of
	// the server's; Near and Far are in the middle. The prefixes are on the wire.
	Client, Server netip.Prefix
	Near, Far      netip.Addr
	// Settings are sysctls of all three namespaces.
	Settings map[string]string
	// Subject is what stands at the server's end, in place of a kernel. Lose and Find
	// are not for one that has no namespace.
	Subject Subject
}

// Path is two wires, one behind the other, between three kernels, unless something else is
// the server. Nothing passes
// through the middle but what is set up there: a proxy, or forwarding.
//
//	+--------+  ClientLeg  +--------------+  ServerLeg  +--------+
//	| Client ================    Middle   ================ Server |
//	+--------+        Near +--------------+ Far         +--------+
//
// Make it with RaisePath; who raises it closes it.
type Path struct {
	Client, Middle, Server Side
	// Behind is the server's leg, on which servers begin by Serve; it ends with the Path.
	Behind *Wire

	config PathConfig
	legs   []*Wire
}

// RaisePath brings up the three namespaces and the two cables. Nothing stays of them on
// an error.
func RaisePath(ctx context.Context, c PathConfig) (_ *Path, err error) {
	p := &Path{config: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	first, err := p.leg(ctx, Config{Apart: true, Link: ClientLeg, NearAddr: c.Client, FarAddr: c.Near, Subject: quiet})
	if err != nil {
		return nil, err
	}
	middle := first.Far.(*kernel)
	if c.Subject == nil {
		c.Subject = quiet
	}
	second, err := p.leg(ctx, Config{
		NearIn: middle.ns, Link: ServerLeg, Subject: c.Subject,
		NearAddr: netip.PrefixFrom(c.Far, c.Server.Bits()), FarAddr: c.Server.Addr(),
	})
	if err != nil {
		return nil, err
	}
	server, ok := second.Far.(Side)
	if !ok {
		return nil, fmt.Errorf("wire: a %T at the server's end of a path: %w", c.Subject, errors.ErrUnsupported)
	}
	p.Client, p.Middle, p.Server, p.Behind = first.Near, middle, server, second
	for _, side := range []Side{p.Client, p.Middle, p.Server} {
		if err := set(side, c.Settings, true); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// quiet is a kernel that sends no keep-alive probes of its own accord.
var quiet = Kernel{KeepAlive: -1}

// leg raises one of the wires.
func (p *Path) leg(ctx context.Context, c Config) (*Wire, error) {
	w, err := Raise(ctx, c)
	if err == nil {
		p.legs = append(p.legs, w)
	}
	return w, err
}

// Close takes both wires down, with the namespaces.
func (p *Path) Close() error {
	var errs []error
	for i := len(p.legs) - 1; i >= 0; i-- {
		errs = append(errs, p.legs[i].Close())
	}
	return errors.Join(errs...)
}

// nowhere is a hardware address that no interface has.
var nowhere = net.HardwareAddr{2, 0, 0, 0, 0, 0xee}

// Lose makes every packet from the middle to the server vanish without a trace, until
// Find is called: the middle takes the server for another machine, which is not there.
func (p *Path) Lose() error { return p.neighbour(nowhere) }

// Find undoes Lose.
func (p *Path) Find() error {
	var at net.HardwareAddr
	err := p.Server.Do(func() error {
		l, err := netlink.LinkByName(ServerLeg)
		if err == nil {
			at = l.Attrs().HardwareAddr
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("wire: looking up %s at the server: %w", ServerLeg, err)
	}
	return p.neighbour(at)
}

// neighbour tells the middle where the server is.
func (p *Path) neighbour(at net.HardwareAddr) error {
	return p.Middle.Do(func() error {
		l, err := netlink.LinkByName(ServerLeg)
		if err == nil {
			err = netlink.NeighSet(&netlink.Neigh{
				LinkIndex: l.Attrs().Index, Family: netlink.FAMILY_V4, State: netlink.NUD_PERMANENT,
				IP: p.config.Server.Addr().AsSlice(), HardwareAddr: at,
			})
		}
		if err != nil {
			return fmt.Errorf("wire: neighbour %s of the middle: %w", p.config.Server.Addr(), err)
		}
		return nil
	})
}

// Unreach has the middle's routes say that the server cannot be reached, which connect()
// there returns at once as EHOSTUNREACH; Reach undoes it.
func (p *Path) Unreach() error { return p.route(netlink.RouteAdd) }

// Reach undoes Unreach.
func (p *Path) Reach() error { return p.route(netlink.RouteDel) }

func (p *Path) route(do func(*netlink.Route) error) error {
	at := p.config.Server.Addr()
	return p.Middle.Do(func() error {
		err := do(&netlink.Route{Type: unix.RTN_UNREACHABLE, Dst: &net.IPNet{IP: at.AsSlice(), Mask: net.CIDRMask(at.BitLen(), at.BitLen())}})
		if err != nil {
			return fmt.Errorf("wire: route from the middle to %s: %w", at, err)
		}
		return nil
	})
}

// ForgetConnections empties the middle's table of tracked connections, as a router does
// that restarts. It needs nf_conntrack in the kernel.
func (p *Path) ForgetConnections() error {
	return p.Middle.Do(func() error {
		if err := netlink.ConntrackTableFlush(netlink.ConntrackTable); err != nil {
			return fmt.Errorf("wire: emptying the middle's table of connections: %w", err)
		}
		return nil
	})
}
