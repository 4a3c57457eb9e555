package experiment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"

	"lastack/harness/app"
	"lastack/harness/lab"
	"lastack/stack"
	"lastack/stack/forward"
	"lastack/tun"
)

// The addresses; the picture is in the package comment.
const (
	linkName = "link"
	farName  = "far"
)

var (
	nearPrefix = netip.MustParsePrefix("10.77.0.1/24")
	farPrefix  = netip.MustParsePrefix("10.77.0.2/24")
)

// ground is what one attempt at an experiment happens on.
type ground struct {
	// near is the kernel's namespace that the link is captured in; far is the
	// subject's, if that is the kernel.
	near, far *lab.Namespace
	host      *stack.Host
	forwarder *forward.Forwarder // between two kernels, if the wire is bad
	hits      *hits

	subject, peer  side
	client, server side
	to             netip.AddrPort

	cancel  context.CancelFunc
	apps    sync.WaitGroup
	failed  error    // the app's; read after apps.Wait
	program *program // that serves; nil if an app does
}

// raise builds the ground; who raises it razes it.
func raise(ctx context.Context, e *Experiment, subject string) (_ *ground, err error) {
	g := &ground{hits: newHits()}
	ctx, g.cancel = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, g.raze())
		}
	}()
	if g.near, err = lab.NewNamespace(); err != nil {
		return nil, err
	}
	g.peer = &kernelSide{g.near, nearPrefix.Addr()}
	switch {
	case subject == Lastack:
		err = g.raiseLastack(e)
	case len(e.rules()) > 0:
		err = g.raiseForwarded(e)
	default:
		err = g.raiseKernel()
	}
	if err != nil {
		return nil, err
	}
	g.client, g.server = g.peer, g.subject
	if e.Subject == "client" {
		g.client, g.server = g.subject, g.peer
	}
	if err := g.tune(e); err != nil {
		return nil, err
	}
	return g, g.serve(ctx, e)
}

func (g *ground) raiseKernel() (err error) {
	if g.far, err = lab.NewNamespace(); err != nil {
		return err
	}
	g.subject = &kernelSide{g.far, farPrefix.Addr()}
	return lab.Veth(lab.VethConfig{
		A:         lab.VethEnd{Namespace: g.near, Name: linkName, Addrs: []netip.Prefix{nearPrefix}},
		B:         lab.VethEnd{Namespace: g.far, Name: farName, Addrs: []netip.Prefix{farPrefix}},
		NoOffload: true,
	})
}

// raiseForwarded has a kernel at both ends and lastack's forwarder in between.
func (g *ground) raiseForwarded(e *Experiment) (err error) {
	if g.far, err = lab.NewNamespace(); err != nil {
		return err
	}
	g.subject = &kernelSide{g.far, farPrefix.Addr()}
	near, err := openTUN(g.near, linkName, nearPrefix)
	if err != nil {
		return err
	}
	far, err := openTUN(g.far, farName, farPrefix)
	if err != nil {
		return errors.Join(err, near.Close())
	}
	g.forwarder, err = forward.New(forward.Config{Host: far, Peer: near, Impairments: e.rules(), Tap: g.hits.tap})
	return err
}

func openTUN(ns *lab.Namespace, name string, addr netip.Prefix) (dev tun.Device, err error) {
	err = ns.Do(func() (err error) {
		dev, err = tun.Open(tun.Config{Name: name, Addrs: []netip.Prefix{addr}})
		return err
	})
	return dev, err
}

func (g *ground) raiseLastack(e *Experiment) error {
	dev, err := openTUN(g.near, linkName, nearPrefix)
	if err != nil {
		return err
	}
	c := stack.Config{Device: dev, Addrs: []netip.Addr{farPrefix.Addr()}}
	if rules := e.rules(); len(rules) > 0 {
		c.Impairments, c.Tap = rules, g.hits.tap
	}
	if g.host, err = stack.New(c); err != nil {
		return err
	}
	g.subject = &lastackSide{g.host}
	return nil
}

// unsupported is a setting that this machine's kernel does not have.
type unsupported struct {
	name string
	peer bool // which is the kernel's whatever the subject
	err  error
}

func (u *unsupported) Error() string {
	s := fmt.Sprintf("this kernel has no %s; run it on a newer one", u.name)
	if !u.peer {
		s += ", or with --subject lastack"
	}
	if near := u.nearest(); near != "" {
		s += "; if it is mistyped, " + near
	}
	return s
}

// nearest suggests a sysctl that the kernel has, beside the one that it has not.
func (u *unsupported) nearest() string {
	at := strings.LastIndexByte(u.name, '.')
	entries, err := os.ReadDir("/proc/sys/" + strings.ReplaceAll(u.name[:max(at, 0)], ".", "/"))
	if err != nil {
		return ""
	}
	var there []string
	for _, e := range entries {
		there = append(there, u.name[:at+1]+e.Name())
	}
	if s := suggest(u.name, there); strings.HasPrefix(s, "did you") {
		return s
	}
	return ""
}

func (u *unsupported) Unwrap() error { return u.err }

// tune makes the settings of both sides.
func (g *ground) tune(e *Experiment) error {
	for _, x := range []struct {
		side side
		set  map[string]string
	}{{g.subject, e.Tunables.Subject}, {g.peer, e.Tunables.Peer}} {
		for _, name := range slices.Sorted(maps.Keys(x.set)) {
			err := x.side.set(name, x.set[name])
			if errors.Is(err, fs.ErrNotExist) {
				return &unsupported{name, x.side == g.peer, err}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *ground) serve(ctx context.Context, e *Experiment) error {
	g.to = netip.AddrPortFrom(g.server.addr(), port)
	if len(e.Server.Command) > 0 {
		return g.serveProgram(ctx, e.Server.Command)
	}
	a, err := app.New(e.Server.spec(), app.Config{})
	if err != nil {
		return err
	}
	l, err := g.server.listen()
	if err != nil {
		return fmt.Errorf("listening for %s: %w", e.Server.App, err)
	}
	g.apps.Go(func() { g.failed = a.Serve(ctx, l) })
	return nil
}

// raze ends everything that raise began; what it could not end ends with the lab.
func (g *ground) raze() error {
	g.cancel()
	g.apps.Wait()
	errs := []error{g.failed}
	if g.host != nil {
		errs = append(errs, g.host.Close())
	}
	if g.forwarder != nil {
		errs = append(errs, g.forwarder.Close())
	}
	for _, ns := range []*lab.Namespace{g.near, g.far} {
		if ns != nil {
			errs = append(errs, ns.Close())
		}
	}
	return errors.Join(errs...)
}
