package demo

import (
	"context"
	"errors"
	"net/netip"

	"lastack/harness/host/trace"
	"lastack/harness/lab/wire"
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
	kernelAddr = netip.MustParseAddr("10.78.0.2")
)

// ground is what the scenarios happen on: a wire to either subject.
type ground struct {
	lastack, kernel *wire.Wire
	rec             *trace.Recorder
	known           []netip.AddrPort // clients of the kernel's server so far
}

// raise builds the ground and starts the scenarios' servers.
func raise(ctx context.Context, all []scenario) (_ *ground, err error) {
	g := &ground{rec: trace.New(trace.Config{})}
	g.lastack, err = wire.Raise(ctx, wire.Config{
		Subject: wire.Lastack{}, Link: tunName, NearAddr: tunKernel, FarAddr: hostAddr, Tap: g.rec.Tap,
	})
	if err != nil {
		return nil, err
	}
	g.kernel, err = wire.Raise(ctx, wire.Config{
		Subject: wire.Kernel{}, Link: vethName, FarLink: "peer", NearAddr: vethHere, FarAddr: kernelAddr,
	})
	if err != nil {
		return nil, errors.Join(err, g.lastack.Close())
	}
	if err := g.startApps(all); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// startApps starts each server once, on lastack or in the kernel's namespace.
func (g *ground) startApps(all []scenario) error {
	type place struct {
		on   *wire.Wire
		port uint16
	}
	running := map[place]bool{}
	for i := range all {
		at := place{g.of(&all[i]), all[i].port}
		if running[at] {
			continue
		}
		running[at] = true
		if err := at.on.Serve(at.on.Far, all[i].app); err != nil {
			return err
		}
	}
	return nil
}

// of is the wire that a scenario happens on.
func (g *ground) of(s *scenario) *wire.Wire {
	if s.onKernel {
		return g.kernel
	}
	return g.lastack
}

// close ends everything that raise began.
func (g *ground) close() error { return errors.Join(g.lastack.Close(), g.kernel.Close()) }
