package bench

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"lastack/harness/lab"
	"lastack/tun"
)

// linkName is the clients' interface, whatever is behind it.
const linkName = "bench0"

var (
	kernelAddr = netip.MustParsePrefix("10.99.0.1/24")
	serverAddr = netip.MustParseAddr("10.99.0.2")
)

// ground is a subject, ready in this lab, with the clients' link to it.
//
//	the lab's namespace                   a second namespace, or this process
//	  clients   10.99.0.1 bench0 ======== 10.99.0.2   servers on ports 7000 to 7015
type ground struct {
	listen func(port int) (net.Listener, error)
	// app starts servers of the subject's own in place of listen; nil is none.
	app func(kind) error
	// timeWaits counts the subject's connections in TIME_WAIT; nil if it does not say.
	timeWaits func() int
	ended     []func() error
}

// atEnd has close call f, the latest first.
func (g *ground) atEnd(f func() error) { g.ended = append(g.ended, f) }

func (g *ground) close() error {
	var errs []error
	for i := len(g.ended) - 1; i >= 0; i-- {
		errs = append(errs, g.ended[i]())
	}
	return errors.Join(errs...)
}

// raise sets a subject up. What it could not undo ends with the process and its lab.
func raise(name string) (*ground, error) {
	s, err := find(name)
	if err != nil {
		return nil, err
	}
	g := &ground{}
	if err := s.raise(g); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// openTUN opens the clients' link.
func openTUN(offload bool, mtu int) (tun.Device, error) {
	return tun.Open(tun.Config{Name: linkName, MTU: mtu, Addrs: []netip.Prefix{kernelAddr}, Offload: offload})
}

// kernelServer makes a namespace whose kernel is the server's.
func (g *ground) kernelServer() (*lab.Namespace, error) {
	ns, err := lab.NewNamespace()
	if err != nil {
		return nil, err
	}
	g.atEnd(ns.Close)
	g.listen = func(port int) (l net.Listener, err error) {
		var lc net.ListenConfig
		lc.SetMultipathTCP(false) // which Go's listeners offer by default
		err = ns.Do(func() error {
			l, err = lc.Listen(context.Background(), "tcp4", netip.AddrPortFrom(serverAddr, uint16(port)).String())
			return err
		})
		return l, err
	}
	return ns, nil
}

// raiseVeth is the kernel behind a virtual cable: what there is without a TUN.
func raiseVeth(g *ground) error {
	ns, err := g.kernelServer()
	if err != nil {
		return err
	}
	return lab.Veth(lab.VethConfig{
		A: lab.VethEnd{Name: linkName, Addrs: []netip.Prefix{kernelAddr}},
		B: lab.VethEnd{Namespace: ns, Name: linkName, Addrs: []netip.Prefix{serverPrefix()}},
	})
}

func serverPrefix() netip.Prefix { return netip.PrefixFrom(serverAddr, kernelAddr.Bits()) }

// raiseForwarder is the kernel behind two TUNs and a loop that copies packets between
// them: the least that a stack in userspace can cost.
func raiseForwarder(offload bool) func(*ground) error {
	return func(g *ground) error {
		ns, err := g.kernelServer()
		if err != nil {
			return err
		}
		near, err := openTUN(offload, tun.DefaultMTU)
		if err != nil {
			return err
		}
		var far tun.Device
		err = ns.Do(func() (err error) {
			far, err = tun.Open(tun.Config{Name: linkName, Addrs: []netip.Prefix{serverPrefix()}, Offload: offload})
			return err
		})
		if err != nil {
			return errors.Join(err, near.Close())
		}
		f := forward(near.(tun.OffloadDevice), far.(tun.OffloadDevice))
		g.atEnd(f.close)
		return nil
	}
}
