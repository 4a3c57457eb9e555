package soak

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"lastack/harness/app"
	"lastack/harness/lab"
)

// linkName is the clients' interface, whatever subject is behind it.
const linkName = "soak0"

var (
	kernelPrefix = netip.MustParsePrefix("10.88.0.1/24")
	hostAddr     = netip.MustParseAddr("10.88.0.2")
	hostPrefix   = netip.PrefixFrom(hostAddr, kernelPrefix.Bits())
)

// Socket is one TCP socket of either side, reduced to what a report needs.
type Socket struct {
	State  string         `json:"state"`
	Local  netip.AddrPort `json:"local"`
	Remote netip.AddrPort `json:"remote"`
	// Note is what else the side knows: queues, timers.
	Note string `json:"note,omitempty"`
}

func (s Socket) String() string {
	return fmt.Sprintf("%-12s %s -> %s %s", s.State, s.Local, s.Remote, s.Note)
}

// live reports whether a socket is neither a listener nor in TIME_WAIT: after the
// load such a socket is stuck.
func (s Socket) live() bool {
	return s.State != "LISTEN" && s.State != "TIME_WAIT" && s.State != "CLOSED"
}

// ground is a subject with its servers and the clients' link to it. The clients
// are in the lab's own namespace.
type ground struct {
	listen func(port uint16) (net.Listener, error)
	// sockets lists the subject's live sockets.
	sockets func() ([]Socket, error)

	ended  []func() error
	cancel context.CancelFunc
	apps   sync.WaitGroup
	mu     sync.Mutex
	failed error // of the apps
}

// atEnd makes close call f, the latest first.
func (g *ground) atEnd(f func() error) { g.ended = append(g.ended, f) }

func (g *ground) close() error {
	if g.cancel != nil {
		g.cancel()
	}
	g.apps.Wait()
	errs := []error{g.failed}
	for i := len(g.ended) - 1; i >= 0; i-- {
		errs = append(errs, g.ended[i]())
	}
	g.ended = nil
	return errors.Join(errs...)
}

// raise sets a subject up, without servers.
func raise(subject string) (*ground, error) {
	g := &ground{}
	if err := lab.Sysctl("net.ipv4.ip_forward", "0"); err != nil {
		return nil, err
	}
	f, err := findSubject(subject)
	if err != nil {
		return nil, err
	}
	if err := f(g); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// serve starts servers on the subject, until close.
func (g *ground) serve(ctx context.Context, specs ...app.Spec) error {
	ctx, g.cancel = context.WithCancel(ctx)
	for _, spec := range specs {
		a, err := app.New(spec, app.Config{})
		if err != nil {
			return err
		}
		l, err := g.listen(spec.Port)
		if err != nil {
			return fmt.Errorf("listening for %s: %w", spec.Kind, err)
		}
		g.apps.Go(func() {
			if err := a.Serve(ctx, l); err != nil {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.failed = errors.Join(g.failed, err)
			}
		})
	}
	return nil
}

// kernelSockets lists the live sockets of the current namespace.
func kernelSockets() ([]Socket, error) {
	all, err := lab.Sockets(afInet)
	if err != nil {
		return nil, err
	}
	var live []Socket
	for _, k := range all {
		s := Socket{State: k.State, Local: k.Local, Remote: k.Remote}
		s.Note = fmt.Sprintf("recv-q %d send-q %d timer %q %v retransmissions %d",
			k.RecvQ, k.SendQ, k.Timer, k.TimerLeft, k.Retransmissions)
		if s.live() {
			live = append(live, s)
		}
	}
	return live, nil
}

// states counts sockets by state.
func states(sockets []Socket) map[string]int {
	count := make(map[string]int)
	for _, s := range sockets {
		count[s.State]++
	}
	return count
}
