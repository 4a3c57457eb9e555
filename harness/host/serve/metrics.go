package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"lastack/harness/host/metrics"
	"lastack/harness/host/monitor"
)

// lookEvery is between two looks at the host, which are cheap.
const lookEvery = 5 * time.Second

// exporter shows the host to Prometheus.
type exporter struct {
	l      net.Listener // the kernel's
	closes *metrics.Closes
}

// newExporter listens at an address of the kernel's.
func newExporter(addr string) (*exporter, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("metrics at %s: %w", addr, err)
	}
	return &exporter{l: l, closes: metrics.NewCloses()}, nil
}

// close is for an exporter that was not started, too.
func (e *exporter) close() error {
	if err := e.l.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// startMetrics looks at the host, and answers, if it was asked to.
func (s *server) startMetrics(ctx context.Context) error {
	if s.metrics == nil {
		return nil
	}
	own := metrics.Target{Source: &monitor.Own{
		Sockets: s.host, Tunables: s.host.Tunables(), Top: metrics.DefaultTop,
		Counters: func() map[string]uint64 {
			return map[string]uint64{"TcpExtTCPTimeWaitOverflow": s.host.TimeWaitOverflows()}
		},
	}}
	e, err := metrics.New(metrics.Config{
		Targets:  func() ([]metrics.Target, int, error) { return []metrics.Target{own}, 0, nil },
		Interval: lookEvery,
		Trouble:  func(what string) { s.logf("warning: %s", what) },
	})
	if err != nil {
		return err
	}
	s.workers.Go(func() { e.Run(ctx) })
	s.workers.Go(func() {
		err := metrics.Serve(ctx, s.metrics.l, metrics.Handler(metrics.Registry(Version(), e, s.metrics.closes)))
		if err != nil {
			s.cancel(fmt.Errorf("metrics: %w", err))
		}
	})
	return nil
}
