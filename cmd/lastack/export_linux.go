package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"lastack/harness/capture"
	"lastack/harness/host/metrics"
	"lastack/harness/host/monitor"
	"lastack/harness/host/serve"
	"lastack/harness/lab/privilege"
	"lastack/harness/term"

	"github.com/spf13/cobra"
)

// exportFlags are those of monitor --listen.
type exportFlags struct {
	listen, capture, state, reasons string
	netns                           []string
	top                             int

	given func(name string) bool
}

func (f *exportFlags) add(c *cobra.Command) {
	l := c.Flags()
	l.StringVar(&f.listen, "listen", "", "serve metrics to Prometheus at `ADDR`, such as :9817, and print nothing")
	l.StringSliceVar(&f.netns, "netns", nil, "with --kernel --listen: look into the network namespace `NAME` (ip netns),\na process's number, or all; repeatable")
	l.StringVar(&f.capture, "capture", "", "with --listen: count the closes seen on the interface `IFACE`, or any")
	l.IntVar(&f.top, "top", metrics.DefaultTop, "with --listen: tell so many destinations apart")
	l.StringVar(&f.state, "state", "", "keep what was seen in `FILE` over a restart")
	reasonsFlag(c, &f.reasons, "--capture")
	f.given = l.Changed
}

func (f *exportFlags) check(kernel bool) error {
	for _, name := range []string{"netns", "capture", "top"} {
		if f.given(name) && f.listen == "" {
			return usagef("--%s is for metrics; give --listen ADDR too", name)
		}
	}
	for _, name := range []string{"count", "json", "alarm"} {
		if f.given(name) && f.listen != "" {
			return usagef("--%s is not for --listen, which prints nothing; Prometheus' rules raise alarms", name)
		}
	}
	if f.given("reasons") && f.capture == "" {
		return usagef("--reasons is about what is captured; give --capture IFACE too")
	}
	if err := checkReasons(f.reasons); err != nil {
		return err
	}
	switch {
	case f.given("netns") && !kernel:
		return usagef("--netns is about the kernel's sockets; give --kernel too")
	case f.top < 1 || f.top > metrics.MaxTop:
		return usagef("--top %d: give a number from 1 to %d", f.top, metrics.MaxTop)
	case f.given("state") && f.state == "":
		return usagef("--state: give the name of a file")
	}
	for _, name := range f.netns {
		if name == "" {
			return usagef("--netns: give the name of a network namespace, the number of a process in it, or all")
		}
	}
	if f.given("listen") {
		return checkListen("--listen", f.listen)
	}
	return nil
}

// checkListen is about an address to listen at. Names are not resolved.
func checkListen(flag, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && host != "" {
		_, err = netip.ParseAddr(host)
	}
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return usagef("%s %q: give ADDR:PORT, such as :9817 or 127.0.0.1:9817", flag, addr)
	}
	return nil
}

// run exports until ctx ends.
func (f *exportFlags) run(ctx context.Context, socket string, kernel bool, cfg *monitor.Config) error {
	baseline, err := loadBaseline(f.state)
	if err != nil {
		return err
	}
	l, err := f.open()
	if err != nil {
		return err
	}
	defer l.Close()
	c := f.config(socket, kernel)
	c.Baseline = baseline
	if f.given("interval") {
		c.Interval = cfg.Interval
	}
	e, err := metrics.New(c)
	if err != nil {
		return err
	}
	collectors := []metrics.Collector{e}
	work := []func(context.Context) error{func(ctx context.Context) error { e.Run(ctx); return nil }}
	if f.capture != "" {
		packets, release, err := f.openCapture()
		if err != nil {
			return err
		}
		defer release()
		collectors, work = append(collectors, packets), append(work, packets.Run)
	}
	fmt.Fprintf(os.Stderr, "lastack: metrics at http://%s/metrics until Ctrl-C\n", term.Escape(l.Addr().String()))
	return together(ctx, append(work, func(ctx context.Context) error {
		return metrics.Serve(ctx, l, metrics.Handler(metrics.Registry(serve.Version(), collectors...)))
	})...)
}

// open listens.
func (f *exportFlags) open() (net.Listener, error) {
	l, err := net.Listen("tcp", f.listen)
	if err == nil {
		return l, nil
	}
	err = fmt.Errorf("--listen %s: %w", f.listen, err)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return nil, usagef("%w (ip address lists those that are here)", err)
	}
	return nil, err
}

// config is what to look at: the kernel, or the host behind a socket.
func (f *exportFlags) config(socket string, kernel bool) metrics.Config {
	c := metrics.Config{Trouble: warn, State: f.state}
	if kernel {
		c.Targets = metrics.NewNamespaces(f.netns, f.top).Targets
		return c
	}
	host := metrics.Target{Source: monitor.NewHost(socket)}
	c.Targets = func() ([]metrics.Target, int, error) { return []metrics.Target{host}, 0, nil }
	return c
}

// openCapture begins to capture, and gives up what nothing needs any more: packets are
// anybody's. The processes of other users are still looked up.
func (f *exportFlags) openCapture() (packets *metrics.Capture, release func(), err error) {
	live, err := capture.OpenLive(f.capture, capture.LiveConfig{SnapLen: headers, Buffer: liveBuffer, Wake: idleWake})
	if err != nil {
		return nil, nil, liveError(err)
	}
	source, err := openReasons(f.reasons)
	if err != nil {
		return nil, nil, errors.Join(err, live.Close())
	}
	var kernel metrics.Kernel
	release = func() { _ = live.Close() }
	if source != nil {
		kernel = source
		release = func() { _, _ = live.Close(), source.Close() }
	}
	if err := dropPrivileges("monitor", nil, f.capabilities()...); err != nil {
		release()
		return nil, nil, err
	}
	return metrics.NewCapture(live, f.capture, kernel, warn), release, nil
}

// capabilities are what looks need: to find out whose sockets are whose, to enter namespaces,
// and to write the state.
func (f *exportFlags) capabilities() []privilege.Capability {
	keep := []privilege.Capability{privilege.SysPtrace, privilege.DACReadSearch}
	if len(f.netns) > 0 {
		keep = append(keep, privilege.SysAdmin)
	}
	if f.state != "" {
		keep = append(keep, privilege.DACOverride)
	}
	return slices.DeleteFunc(keep, func(c privilege.Capability) bool { return !privilege.Has(c) })
}

// together runs all until ctx ends or one fails, and waits for them.
func together(ctx context.Context, all ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(all))
	var wait sync.WaitGroup
	for i, run := range all {
		wait.Go(func() {
			if errs[i] = run(ctx); errs[i] != nil {
				cancel()
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// loadBaseline reads a state file, if there is one; of a damaged one it says so, and begins
// anew.
func loadBaseline(path string) (*monitor.Baseline, error) {
	if path == "" {
		return monitor.NewBaseline(), nil
	}
	b, err := monitor.LoadBaseline(path, time.Now())
	switch {
	case errors.Is(err, monitor.ErrState):
		warn(err.Error() + "; beginning anew")
	case err != nil:
		return nil, usage(fmt.Errorf("--state: %w", err))
	}
	if err := b.Save(path); err != nil { // now, rather than in a minute
		return nil, usage(fmt.Errorf("--state: %w", err))
	}
	return b, nil
}
