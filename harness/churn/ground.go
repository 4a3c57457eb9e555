package churn

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"lastack/harness/app"
	"lastack/harness/lab"
	"lastack/stack"
	"lastack/tun"
)

var (
	kernelPrefix = netip.MustParsePrefix("10.79.0.1/24")
	hostAddr     = netip.MustParseAddr("10.79.0.2")
)

// The servers: one that waits for the client's FIN, one that sends its own first.
var (
	echo         = app.Spec{Port: 7, Kind: "echo"}
	serverCloses = app.Spec{Port: 8001, Kind: "server-closes"}
)

// ground is what one run happens on: a namespace, a host, and a server on the
// side that is not the client.
type ground struct {
	client, server side
	to             netip.AddrPort

	ns     *lab.Namespace
	host   *stack.Host
	cancel context.CancelFunc
	apps   sync.WaitGroup
	failed error // the app's; read after apps.Wait
}

// raise builds the ground for a run; who raises it razes it.
func raise(ctx context.Context, subject string, m Mode, ports Range, msl time.Duration) (_ *ground, err error) {
	g := &ground{}
	ctx, g.cancel = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, g.raze())
		}
	}()
	if g.ns, err = lab.NewNamespace(); err != nil {
		return nil, err
	}
	if err := g.startHost(msl); err != nil {
		return nil, err
	}
	g.server = &kernelSide{g.ns, kernelPrefix.Addr()}
	g.client = &lastackSide{g.host, msl}
	if subject == Kernel {
		g.client, g.server = g.server, g.client
	}
	if err := g.tune(m, ports); err != nil {
		return nil, err
	}
	return g, g.serve(ctx, m)
}

// startHost makes the host, and a TUN to it in the namespace.
func (g *ground) startHost(msl time.Duration) error {
	var dev tun.Device
	err := g.ns.Do(func() (err error) {
		dev, err = tun.Open(tun.Config{Addrs: []netip.Prefix{kernelPrefix}})
		return err
	})
	if err != nil {
		return err
	}
	g.host, err = stack.New(stack.Config{Device: dev, Addrs: []netip.Addr{hostAddr}})
	if err != nil {
		return err
	}
	return g.host.Tunables().Set("lastack.msl_ms", strconv.FormatInt(msl.Milliseconds(), 10))
}

// tune gives the client its ports.
func (g *ground) tune(m Mode, ports Range) error {
	reuse := "0"
	if m.reuse {
		reuse = "1"
	}
	if err := g.client.set("net.ipv4.ip_local_port_range", ports.String()); err != nil {
		return err
	}
	return g.client.set("net.ipv4.tcp_tw_reuse", reuse)
}

func (g *ground) serve(ctx context.Context, m Mode) error {
	spec := echo
	if m.serverFirst {
		spec = serverCloses
	}
	a, err := app.New(spec, app.Config{})
	if err != nil {
		return err
	}
	g.to = netip.AddrPortFrom(g.server.addr(), spec.Port)
	l, err := g.server.listen(g.to)
	if err != nil {
		return fmt.Errorf("listening for %s: %w", spec.Kind, err)
	}
	g.apps.Go(func() { g.failed = a.Serve(ctx, l) })
	return nil
}

// Bounds of the wait for the last connections to finish closing.
const (
	settleEvery = 5 * time.Millisecond
	settleLimit = 5 * time.Second
)

// timeWaits counts both sides' when nothing else is left, or at the latest after
// settleLimit: a connection that lingers in another state then is missing from them.
func (g *ground) timeWaits(ctx context.Context) (client, server int, err error) {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	for {
		var live, rest int
		if client, live, err = g.client.sockets(); err != nil {
			return 0, 0, err
		}
		if server, rest, err = g.server.sockets(); err != nil {
			return 0, 0, err
		}
		if live+rest == 0 {
			return client, server, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return client, server, nil
		}
	}
}

// raze ends everything that raise began; what it could not end ends with the lab.
func (g *ground) raze() error {
	g.cancel()
	g.apps.Wait()
	errs := []error{g.failed}
	if g.host != nil {
		errs = append(errs, g.host.Close())
	}
	if g.ns != nil {
		errs = append(errs, g.ns.Close())
	}
	return errors.Join(errs...)
}
