package churn

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"lastack/harness/app"
	"lastack/harness/lab/wire"
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

// ground is what one run happens on: a kernel and a host, one of which is the
// client, the other has a server.
type ground struct {
	*wire.Wire
	client, server wire.Side
	to             netip.AddrPort
	life           time.Duration // of TIME_WAIT at whoever holds it
}

// raise builds the ground for a run; who raises it closes it.
func raise(ctx context.Context, subject string, m Mode, ports Range, msl time.Duration) (*ground, error) {
	host := map[string]string{"lastack.msl_ms": strconv.FormatInt(msl.Milliseconds(), 10)}
	c := wire.Config{
		Subject: wire.Lastack{}, Apart: true, NearAddr: kernelPrefix, FarAddr: hostAddr,
		NearSettings: map[string]string{}, FarSettings: host,
	}
	client := host
	if subject == Kernel {
		client = c.NearSettings
	}
	client["net.ipv4.ip_local_port_range"], client["net.ipv4.tcp_tw_reuse"] = ports.String(), "0"
	if m.reuse {
		client["net.ipv4.tcp_tw_reuse"] = "1"
	}
	w, err := wire.Raise(ctx, c)
	if err != nil {
		return nil, err
	}
	g := &ground{Wire: w, client: w.Far.(wire.Side), server: w.Near, life: 2 * msl}
	if subject == Kernel {
		g.client, g.server = g.server, g.client
	}
	if (subject == Kernel) != m.serverFirst {
		g.life = kernelLife
	}
	spec := echo
	if m.serverFirst {
		spec = serverCloses
	}
	g.to = netip.AddrPortFrom(g.server.Addr(), spec.Port)
	if err := g.Serve(g.server, spec); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
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
		if client, live, err = g.client.Count(); err != nil {
			return 0, 0, err
		}
		if server, rest, err = g.server.Count(); err != nil {
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
