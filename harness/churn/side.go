package churn

import (
	"context"
	"net"
	"net/netip"
	"time"

	"lastack/harness/lab"
	"lastack/stack"

	"golang.org/x/sys/unix"
)

// side is one end of the wire. What a client and a server are made of is the
// only difference between the subjects.
type side interface {
	addr() netip.Addr
	// set sets what is a sysctl for the kernel and a tunable for lastack.
	set(name, value string) error
	listen(at netip.AddrPort) (net.Listener, error)
	// within runs f where dial may be called; its connections may be used anywhere.
	within(f func() error) error
	dial(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// sockets counts the connections in TIME_WAIT and those in any other state.
	sockets() (timeWait, live int, err error)
	// life is how long TIME_WAIT lasts.
	life() time.Duration
}

// kernelSide is the kernel of a network namespace.
type kernelSide struct {
	ns *lab.Namespace
	at netip.Addr
}

func (k *kernelSide) addr() netip.Addr             { return k.at }
func (k *kernelSide) set(name, value string) error { return k.ns.Sysctl(name, value) }
func (k *kernelSide) within(f func() error) error  { return k.ns.Do(f) }
func (k *kernelSide) life() time.Duration          { return kernelLife }

// listen has no MPTCP, which Go's listeners offer by default: the subject is TCP.
func (k *kernelSide) listen(at netip.AddrPort) (l net.Listener, err error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	err = k.ns.Do(func() error {
		l, err = lc.Listen(context.Background(), "tcp4", at.String())
		return err
	})
	return l, err
}

// dial makes its socket on the calling thread, which within has put into the
// namespace.
func (k *kernelSide) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp4", to.String())
}

func (k *kernelSide) sockets() (timeWait, live int, err error) {
	var all []lab.Socket
	err = k.ns.Do(func() error {
		all, err = lab.Sockets(unix.AF_INET)
		return err
	})
	for _, s := range all {
		switch s.State {
		case "TIME_WAIT":
			timeWait++
		case "LISTEN", "CLOSED":
		default:
			live++
		}
	}
	return timeWait, live, err
}

// lastackSide is a userspace host.
type lastackSide struct {
	host *stack.Host
	msl  time.Duration
}

func (l *lastackSide) addr() netip.Addr             { return l.host.Addrs()[0] }
func (l *lastackSide) set(name, value string) error { return l.host.Tunables().Set(name, value) }
func (l *lastackSide) within(f func() error) error  { return f() }
func (l *lastackSide) life() time.Duration          { return 2 * l.msl }

func (l *lastackSide) listen(at netip.AddrPort) (net.Listener, error) {
	return l.host.Listen("tcp", at.String())
}

func (l *lastackSide) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return l.host.Dial(ctx, "tcp", to.String())
}

func (l *lastackSide) sockets() (timeWait, live int, err error) {
	return l.host.TimeWaits(), l.host.Flows(), nil
}
