package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"lastack/harness/app"
	"lastack/harness/lab"
	"lastack/harness/trace"
	"lastack/stack"
	"lastack/tun"
)

// The demo's addresses; the picture is in the package comment.
const (
	tunName  = "lastack0"
	vethName = "lastack1"
)

var (
	tunKernel  = netip.MustParsePrefix("10.77.0.1/24")
	hostAddr   = netip.MustParseAddr("10.77.0.2")
	vethHere   = netip.MustParsePrefix("10.78.0.1/24")
	vethThere  = netip.MustParsePrefix("10.78.0.2/24")
	kernelAddr = vethThere.Addr()
)

// ground is what the scenarios happen on.
type ground struct {
	host   *stack.Host
	rec    *trace.Recorder
	there  *lab.Namespace   // where the kernel's server lives
	known  []netip.AddrPort // clients of the kernel's server so far
	cancel context.CancelFunc
	apps   sync.WaitGroup
	mu     sync.Mutex
	failed []error // of the apps
}

// raise builds the ground and starts the scenarios' servers.
func raise(ctx context.Context, all []scenario) (_ *ground, err error) {
	g := &ground{rec: trace.New(trace.Config{})}
	ctx, g.cancel = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, g.raze())
		}
	}()
	dev, err := tun.Open(tun.Config{Name: tunName, Addrs: []netip.Prefix{tunKernel}})
	if err != nil {
		return nil, err
	}
	g.host, err = stack.New(stack.Config{Device: dev, Addrs: []netip.Addr{hostAddr}, Tap: g.rec.Tap})
	if err != nil {
		return nil, err
	}
	g.there, err = lab.NewNamespace()
	if err != nil {
		return nil, err
	}
	err = lab.Veth(lab.VethConfig{
		A:         lab.VethEnd{Name: vethName, Addrs: []netip.Prefix{vethHere}},
		B:         lab.VethEnd{Namespace: g.there, Name: "peer", Addrs: []netip.Prefix{vethThere}},
		NoOffload: true,
	})
	if err != nil {
		return nil, err
	}
	return g, g.startApps(ctx, all)
}

// startApps starts each server once, on lastack or in the kernel's namespace.
func (g *ground) startApps(ctx context.Context, all []scenario) error {
	running := map[string]bool{}
	for i := range all {
		s := &all[i]
		id := fmt.Sprint(s.onKernel, s.port)
		if running[id] {
			continue
		}
		running[id] = true
		a, err := app.New(s.app, app.Config{})
		if err != nil {
			return err
		}
		l, err := g.listen(s)
		if err != nil {
			return fmt.Errorf("listening for %s: %w", s.app.Kind, err)
		}
		g.apps.Go(func() {
			if err := a.Serve(ctx, l); err != nil {
				g.mu.Lock()
				g.failed = append(g.failed, err)
				g.mu.Unlock()
			}
		})
	}
	return nil
}

// listen is the one place where the two subjects differ.
func (g *ground) listen(s *scenario) (l net.Listener, err error) {
	if !s.onKernel {
		return g.host.Listen("tcp", netip.AddrPortFrom(hostAddr, s.port).String())
	}
	err = g.there.Do(func() error {
		l, err = net.Listen("tcp", netip.AddrPortFrom(kernelAddr, s.port).String())
		return err
	})
	return l, err
}

// raze ends everything that raise began. What it could not end ends with the lab.
func (g *ground) raze() error {
	g.cancel()
	g.apps.Wait()
	errs := g.failed
	if g.host != nil {
		errs = append(errs, g.host.Close())
	}
	if g.there != nil {
		errs = append(errs, g.there.Close())
	}
	return errors.Join(errs...)
}
