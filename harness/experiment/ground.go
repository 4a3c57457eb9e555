package experiment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"lastack/harness/lab/middle"
	"lastack/harness/lab/wire"
	"lastack/harness/term"
)

// The addresses; the picture is in the package comment.
const (
	linkName = "link"
	farName  = "far"
)

var (
	nearPrefix = netip.MustParsePrefix("10.77.0.1/24")
	farAddr    = netip.MustParseAddr("10.77.0.2")
)

// ground is what one attempt at an experiment happens on. The program that serves,
// if one does, is nil otherwise.
type ground struct {
	*wire.Wire
	// outside is the subject if it is a stranger, else nil.
	outside        *outside
	hits           *hits
	client, server wire.Side
	to             netip.AddrPort
	program        *program
	// path is there if something stands between the client and the server, and Wire is
	// its server's leg then; proxy is what stands there, nil for NAT.
	path  *wire.Path
	proxy *middle.Program
}

// peer is the kernel at the near end, where captures and clients that are programs are.
func (g *ground) peer() wire.Side {
	if g.path != nil {
		return g.path.Client
	}
	return g.Near
}

// Close ends all of the ground.
func (g *ground) Close() error {
	if g.proxy != nil {
		g.proxy.Stop()
	}
	if g.path != nil {
		return g.path.Close()
	}
	return g.Wire.Close()
}

// raise builds the ground; who raises it closes it. The stranger is nil if the subject is
// built in.
func raise(ctx context.Context, e *Experiment, subject string, s *Stranger) (*ground, error) {
	if e.Through.given() {
		return raiseThrough(ctx, e, subject)
	}
	g := &ground{hits: newHits()}
	c := wire.Config{
		Subject: wire.Kernel{}, Apart: true, Link: linkName, FarLink: farName, NearAddr: nearPrefix, FarAddr: farAddr,
		NearSettings: e.Tunables.Peer, FarSettings: e.Tunables.Subject,
	}
	at := e.Server.spec()
	switch {
	case s != nil:
		at, _ = s.offer(at)
		c.Subject, c.FarSettings = s.program(e, at), nil
	case subject == Lastack || e.Load.Peer == Lastack:
		c.Subject = wire.Lastack{}
	}
	turned := subject == Kernel && e.Load.Peer == Lastack // the subject is at the near end
	if turned {
		c.NearSettings, c.FarSettings = c.FarSettings, c.NearSettings
	}
	if c.Impairments = e.rules(); len(c.Impairments) > 0 || e.traced && subject == Lastack {
		c.Tap = g.hits.tap
	}
	var err error
	var bad *wire.SettingError
	var start *wire.StartError
	switch g.Wire, err = wire.Raise(ctx, c); {
	case errors.As(err, &bad) && errors.Is(bad, fs.ErrNotExist):
		return nil, &unsupported{bad.Name, bad.Near != turned, err}
	case errors.As(err, &start):
		return nil, &SubjectError{s.Name, s.File, start}
	case err != nil:
		return nil, err
	}
	g.stand(e, s, turned)
	if e.loaded() {
		if err := g.client.Set("net.ipv4.ip_local_port_range", e.Load.Ports.String()); err != nil {
			return nil, errors.Join(err, g.Close())
		}
	}
	g.to = netip.AddrPortFrom(g.server.Addr(), at.Port)
	if err := g.serve(ctx, e, s); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

// stand puts client and server in their places; turned: the subject is at the near end.
func (g *ground) stand(e *Experiment, s *Stranger, turned bool) {
	if s != nil {
		g.outside = &outside{Process: g.Far.(*wire.Process), name: s.Name}
		g.client, g.server = g.Near, g.outside
		return
	}
	g.client, g.server = g.Near, g.Far.(wire.Side)
	if (e.Subject == "client") != turned {
		g.client, g.server = g.server, g.client
	}
}

func (g *ground) serve(ctx context.Context, e *Experiment, s *Stranger) error {
	if s != nil {
		if err := g.awaitReady(ctx, s); err != nil {
			return &SubjectError{s.Name, s.File, err}
		}
		return nil
	}
	if len(e.Server.Command) > 0 {
		return g.serveProgram(e.Server.Command)
	}
	return g.Serve(g.server, e.Server.spec())
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
	if near, ok := term.Nearest(u.name, there); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

func (u *unsupported) Unwrap() error { return u.err }
