package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"lastack/harness/app"
	"lastack/harness/serve"
	"lastack/harness/trace"
	"lastack/stack"
	"lastack/stack/tunable"
	"lastack/tun"
)

// hostConfig says in what a lastack is not as it comes.
type hostConfig struct {
	offload bool
	traced  bool                 // what serve sees of each segment is taken down
	mtu     int                  // of the TUN; 0 is 1500
	set     map[tunable.ID]int64 // beside what every subject has
}

// buckets keeps the bound of TIME_WAIT, past which connections would end without,
// out of reach.
const buckets = 4_000_000

// raiseHost is lastack as a library, with serve's settings of Go's runtime.
func raiseHost(c hostConfig) func(*ground) error {
	return func(g *ground) error {
		serve.TuneRuntime()
		set := tunable.NewSet()
		if err := set.SetInt(tunable.MaxTWBuckets, buckets); err != nil {
			return err
		}
		for id, v := range c.set {
			if err := set.SetInt(id, v); err != nil {
				return err
			}
		}
		dev, err := openTUN(c.offload, c.mtu)
		if err != nil {
			return err
		}
		cfg := stack.Config{Device: dev, Addrs: []netip.Addr{serverAddr}, Tunables: set}
		if c.traced {
			rec := trace.New(trace.Config{})
			cfg.Tap = rec.Tap
			g.atEnd(takeDown(rec))
		}
		h, err := stack.New(cfg)
		if err != nil {
			return err
		}
		g.atEnd(h.Close)
		g.timeWaits = h.TimeWaits
		g.listen = func(port int) (net.Listener, error) { return h.Listen("tcp", fmt.Sprintf(":%d", port)) }
		return nil
	}
}

// takeDown empties the recorder until the function that it returns is called.
func takeDown(rec *trace.Recorder) (stop func() error) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-rec.Ready():
				rec.Take()
			case <-quit:
				return
			}
		}
	}()
	return func() error {
		close(quit)
		<-done
		return nil
	}
}

// raiseServe is what the command "lastack serve" runs, telling of each close.
func raiseServe(g *ground) error {
	serve.TuneRuntime()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	g.app = func(k kind) error {
		names := map[kind]string{closesFirst: "server-closes", echoes: "echo", discards: "discard"}
		if names[k] == "" {
			return errors.New("serve has no app that does what this measure needs")
		}
		cfg := serve.Config{
			TUN: linkName, KernelAddrs: []netip.Prefix{kernelAddr}, HostAddrs: []netip.Addr{serverAddr},
			Settings: []string{fmt.Sprintf("net.ipv4.tcp_max_tw_buckets=%d", buckets)},
		}
		for port := range ports {
			cfg.Apps = append(cfg.Apps, app.Spec{Port: uint16(firstPort + port), Kind: names[k]})
		}
		ready := make(chan struct{})
		cfg.Ready = func(tun.Device) error { close(ready); return nil }
		go func() { ended <- serve.Run(ctx, cfg) }()
		select {
		case <-ready:
			g.atEnd(func() error { cancel(); return <-ended })
			return nil
		case err := <-ended:
			return err
		}
	}
	return nil
}
