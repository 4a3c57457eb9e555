package bench

import (
	"errors"
	"net/netip"

	"lastack/harness/app"
	"lastack/harness/host/serve"
	"lastack/harness/host/trace"
	"lastack/harness/lab/wire"
	"lastack/tun"
)

// maxBuckets keeps the bound of TIME_WAIT, past which connections would end without,
// out of reach.
const maxBuckets = "4000000"

// host is lastack as a library, with serve's settings of Go's runtime.
type host struct {
	wire.Lastack
	offload bool
	mtu     int               // of the TUN; 0 is 1500
	set     map[string]string // beside what every such subject has
}

func (h host) config(kind) wire.Config {
	far := map[string]string{"net.ipv4.tcp_max_tw_buckets": maxBuckets}
	for name, v := range h.set {
		far[name] = v
	}
	return wire.Config{Subject: h, Offload: h.offload, MTU: h.mtu, FarSettings: far}
}

// Raise implements wire.Subject.
func (h host) Raise(w *wire.Wire) (wire.Server, error) {
	serve.TuneRuntime()
	return h.Lastack.Raise(w)
}

// traced is lastack with what serve sees of each segment taken down.
type traced struct{ host }

func (t traced) config(k kind) wire.Config {
	c := t.host.config(k)
	c.Subject = t
	return c
}

// Raise implements wire.Subject.
func (t traced) Raise(w *wire.Wire) (wire.Server, error) {
	rec := trace.New(trace.Config{})
	w.Config.Tap = rec.Tap
	w.Go(func() error {
		for {
			select {
			case <-rec.Ready():
				rec.Take()
			case <-w.Context().Done():
				return nil
			}
		}
	})
	return t.host.Raise(w)
}

// served is what the command "lastack serve" runs, telling of each close, with apps
// of the kind.
type served struct{ kind }

func (served) config(k kind) wire.Config { return wire.Config{Subject: served{k}} }

// Raise implements wire.Subject: the program serves by itself.
func (s served) Raise(w *wire.Wire) (wire.Server, error) {
	serve.TuneRuntime()
	name, ok := map[kind]string{closesFirst: "server-closes", echoes: "echo", discards: "discard"}[s.kind]
	if !ok {
		return nil, errors.New("serve has no app that does what this measure needs")
	}
	ready, ended := make(chan struct{}), make(chan struct{})
	cfg := serve.Config{
		TUN: w.Config.Link, KernelAddrs: []netip.Prefix{w.Config.NearAddr}, HostAddrs: []netip.Addr{w.Config.FarAddr},
		Settings: []string{"net.ipv4.tcp_max_tw_buckets=" + maxBuckets},
		Ready:    func(tun.Device) error { close(ready); return nil },
	}
	for port := range ports {
		cfg.Apps = append(cfg.Apps, app.Spec{Port: uint16(firstPort + port), Kind: name})
	}
	w.Go(func() error {
		defer close(ended)
		return serve.Run(w.Context(), cfg)
	})
	select {
	case <-ready:
		return nil, nil
	case <-ended:
		return nil, errors.New("serve ended before it was ready")
	}
}
