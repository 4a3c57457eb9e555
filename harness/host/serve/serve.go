package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"sync"

	"lastack/harness/app"
	"lastack/harness/host/control"
	"lastack/harness/host/trace"
	"lastack/harness/term"
	"lastack/stack"
	"lastack/stack/impair"
	"lastack/stack/tunable"
	"lastack/tun"
)

// Run serves until ctx ends, then prints a summary and returns nil; or until something
// breaks. Everything that it made is gone when it returns.
func Run(ctx context.Context, cfg Config) (err error) {
	set, err := cfg.complete()
	if err != nil {
		return err
	}
	rules, err := impairments(cfg.Impairments)
	if err != nil {
		return err
	}
	newWeb(&cfg)
	s := &server{cfg: cfg, rec: trace.New(trace.Config{Packets: cfg.Pcapng != "" || cfg.Web != nil, Holds: cfg.Web != nil})}
	ctx, s.cancel = context.WithCancelCause(ctx)
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.open(ctx, set, rules); err != nil {
		return err
	}
	if !s.cfg.Quiet {
		s.announce()
	}
	return s.watch(ctx)
}

// server is what a running Run owns.
type server struct {
	cfg     Config
	rec     *trace.Recorder
	host    *stack.Host
	dev     tun.Device
	file    *recording      // nil if there is none
	control *control.Server // nil if there is none
	metrics *exporter       // nil if there is none
	cancel  context.CancelCauseFunc
	workers sync.WaitGroup // apps and the control API
}

// open sets everything up: first what takes privileges, then, without them, what reads
// from the network.
func (s *server) open(ctx context.Context, set *tunable.Set, rules []impair.Rule) error {
	if err := s.openPrivileged(); err != nil {
		return err
	}
	if s.cfg.Confine != nil {
		if err := s.cfg.Confine(s.dev); err != nil {
			return err
		}
	}
	var err error
	s.host, err = stack.New(stack.Config{
		Device: s.dev, Addrs: s.cfg.HostAddrs, Tunables: set, Tap: s.rec.Tap,
		Impairments: rules, Seed: s.cfg.Seed,
	})
	if err != nil {
		return err
	}
	for _, spec := range s.cfg.Apps {
		if err := s.startApp(ctx, spec); err != nil {
			return err
		}
	}
	s.startControl(ctx)
	if err := s.startWeb(ctx); err != nil {
		return err
	}
	if err := s.startMetrics(ctx); err != nil {
		return err
	}
	if s.file != nil {
		if err := s.file.begin(); err != nil {
			return err
		}
	}
	if s.cfg.Ready != nil {
		return s.cfg.Ready(s.dev)
	}
	return nil
}

// openPrivileged opens the device, and then the files: a host that cannot start touches
// none.
func (s *server) openPrivileged() error {
	if err := s.openDevice(); err != nil {
		return err
	}
	var err error
	if s.cfg.Pcapng != "" {
		if s.file, err = newRecording(s.cfg.Pcapng, s.cfg.TUN); err != nil {
			return err
		}
	}
	if s.cfg.Metrics != "" {
		if s.metrics, err = newExporter(s.cfg.Metrics); err != nil {
			return err
		}
		s.cfg.count = s.metrics.closes.Add
	}
	if s.cfg.Control != "" {
		s.control, err = control.Listen(s.cfg.Control)
	}
	return err
}

// openDevice opens the TUN; where the machine has IPv6 switched off it does
// without, and says so.
func (s *server) openDevice() error {
	var err error
	s.dev, err = tun.Open(s.cfg.device())
	if errors.Is(err, tun.ErrIPv6Disabled) && len(s.cfg.KernelAddrs) > 1 {
		s.logf("IPv6 is switched off here: serving IPv4 only")
		s.cfg.KernelAddrs = keep4(s.cfg.KernelAddrs, netip.Prefix.Addr)
		s.cfg.HostAddrs = keep4(s.cfg.HostAddrs, func(a netip.Addr) netip.Addr { return a })
		s.dev, err = tun.Open(s.cfg.device())
	}
	return err
}

func keep4[T any](list []T, addr func(T) netip.Addr) []T {
	var kept []T
	for _, x := range list {
		if addr(x).Is4() {
			kept = append(kept, x)
		}
	}
	return kept
}

// startApp starts one server; should it fail later, Run ends with its error.
func (s *server) startApp(ctx context.Context, spec app.Spec) error {
	a, err := app.New(spec, app.Config{Log: slog.New(slog.NewTextHandler(s.cfg.Log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return invalid("%w", err)
	}
	l, err := s.host.Listen("tcp", fmt.Sprintf(":%d", spec.Port))
	if err != nil {
		return fmt.Errorf("starting app %s: %w", spec, err)
	}
	s.workers.Go(func() {
		if err := a.Serve(ctx, l); err != nil {
			s.cancel(fmt.Errorf("app %s: %w", spec, err))
		}
	})
	return nil
}

// announce tells what is reachable where, and that it is ready.
func (s *server) announce() {
	w := s.cfg.Out
	if s.cfg.JSON {
		w = s.cfg.Log // Out is for the closes alone
	}
	fmt.Fprintf(w, "lastack: %s, kernel %s, host %s\n", term.Quote(s.dev.Name()), join(s.cfg.KernelAddrs), join(s.cfg.HostAddrs))
	for _, a := range s.cfg.Apps {
		fmt.Fprintf(w, "  app %s\n", a)
	}
	for _, r := range s.host.Impairments() {
		fmt.Fprintf(w, "  rule %s%s\n", r.String(), seeded(&r, s.cfg.Seed))
	}
	if s.cfg.Control != "" {
		fmt.Fprintf(w, "control: %s\n", term.Quote(s.cfg.Control))
	}
	if s.cfg.Web != nil {
		fmt.Fprintf(w, "page: %s\n", s.cfg.Web.URL())
	}
	if s.metrics != nil {
		fmt.Fprintf(w, "metrics: http://%s/metrics\n", s.metrics.l.Addr())
	}
	fmt.Fprintln(w, "ready; Ctrl-C ends it")
}

// seeded adds the seed of a random rule, so that the rule can draw the same again.
func seeded(r *impair.Rule, seed uint64) string {
	if r.Picks != impair.Percent {
		return ""
	}
	return fmt.Sprintf(" (seed %d)", seed)
}

func (s *server) logf(format string, args ...any) {
	fmt.Fprintln(s.cfg.Log, "lastack: "+term.Escape(fmt.Sprintf(format, args...)))
}

// close ends everything that open began, in the opposite order.
func (s *server) close() error {
	s.cancel(nil)
	s.workers.Wait()
	var errs []error
	switch {
	case s.host != nil:
		errs = append(errs, s.host.Close())
	case s.dev != nil:
		errs = append(errs, s.dev.Close())
	}
	if s.metrics != nil {
		errs = append(errs, s.metrics.close())
	}
	if s.control != nil {
		// Served, it is closed already.
		if err := s.control.Close(); !errors.Is(err, fs.ErrPermission) {
			errs = append(errs, err)
		} else {
			s.logf("%v", err)
		}
	}
	if s.file != nil {
		errs = append(errs, s.file.close())
	}
	return errors.Join(errs...)
}

// watch prints closes until the end.
func (s *server) watch(ctx context.Context) error {
	p := newPrinter(&s.cfg)
	for {
		select {
		case <-s.rec.Ready():
			if err := s.digest(p); err != nil {
				return err
			}
		case <-s.host.Done():
			if err := s.host.Err(); err != nil {
				return err
			}
			return errors.New("the device was closed")
		case <-ctx.Done():
			return s.finish(ctx, p)
		}
	}
}

// digest takes what was recorded since the last time.
func (s *server) digest(p *printer) error {
	items := s.rec.Take()
	for i := range items { // without a copy of each
		item := &items[i]
		s.show(item)
		if item.Waiting {
			continue // the wire does not have it
		}
		p.add(item)
		if s.file != nil {
			s.file.write(item)
		}
	}
	if s.file != nil {
		if err := s.file.flush(); err != nil {
			s.logf("warning: %v; the host goes on without", err)
		}
	}
	return p.flush()
}

// finish lets the apps and the host close what is open, so that it is in the
// summary, and tells why it ends unless that was asked for.
func (s *server) finish(ctx context.Context, p *printer) error {
	s.workers.Wait()
	hostErr := s.host.Close()
	if err := s.digest(p); err != nil {
		return err
	}
	if n := s.rec.Dropped(); n > 0 {
		s.logf("%d segments came faster than they could be looked at and are missing from the closes", n)
	}
	if err := p.summary(); err != nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return hostErr
}
