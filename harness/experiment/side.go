package experiment

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"lastack/harness/lab"
	"lastack/stack"
	"lastack/stack/segment"

	"golang.org/x/sys/unix"
)

// socket is a connection as steps use it: a *net.TCPConn or a *stack.Conn.
type socket interface {
	net.Conn
	CloseWrite() error
	CloseRead() error
	SetLinger(sec int) error
}

// side is one end of the wire: what the subjects differ in.
type side interface {
	addr() netip.Addr
	// set sets what is a sysctl for the kernel and a tunable for lastack.
	set(name, value string) error
	listen() (net.Listener, error)
	// namespace is where programs find the side's sockets; nil if nowhere.
	namespace() *lab.Namespace
	// dial connects, from a local port unless that is 0, and sends the data, in
	// the SYN if Fast Open permits it.
	dial(ctx context.Context, to netip.AddrPort, from int, data []byte) (socket, error)
	// state is CLOSED where there is no socket.
	state(local, remote netip.AddrPort) (string, error)
	timeWaits() (int, error)
}

// kernelSide is the kernel of a network namespace.
type kernelSide struct {
	ns *lab.Namespace
	at netip.Addr
}

func (k *kernelSide) addr() netip.Addr             { return k.at }
func (k *kernelSide) set(name, value string) error { return k.ns.Sysctl(name, value) }

func (k *kernelSide) namespace() *lab.Namespace { return k.ns }

// listen has no MPTCP, which Go's listeners offer by default: the subject is TCP.
func (k *kernelSide) listen() (l net.Listener, err error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	err = k.ns.Do(func() error {
		l, err = lc.Listen(context.Background(), "tcp4", netip.AddrPortFrom(k.at, port).String())
		return err
	})
	return l, err
}

func (k *kernelSide) dial(ctx context.Context, to netip.AddrPort, from int, data []byte) (s socket, err error) {
	var d net.Dialer
	if len(data) > 0 {
		d.Control = fastOpenConnect
	}
	if from != 0 {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(k.at, uint16(from)))
	}
	err = k.ns.Do(func() error {
		c, err := d.DialContext(ctx, "tcp4", to.String())
		if err == nil {
			s = c.(*net.TCPConn)
		}
		return err
	})
	if err != nil || len(data) == 0 {
		return s, err
	}
	_, err = s.Write(data)
	return s, err
}

// fastOpenConnect has connect() wait for the data that come next, so that they
// travel in the SYN, if the kernel has a cookie of the server's.
func fastOpenConnect(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, 1)
	})
	return errors.Join(err, os.NewSyscallError("setsockopt TCP_FASTOPEN_CONNECT", failed))
}

func (k *kernelSide) state(local, remote netip.AddrPort) (state string, err error) {
	err = k.ns.Do(func() error {
		found, err := lab.FindSocket(local, remote)
		state = found.State
		return err
	})
	if errors.Is(err, lab.ErrNoSocket) {
		return "CLOSED", nil
	}
	return state, err
}

func (k *kernelSide) timeWaits() (n int, err error) {
	err = k.ns.Do(func() error {
		all, err := lab.Sockets(unix.AF_INET)
		for i := range all {
			if all[i].State == "TIME_WAIT" {
				n++
			}
		}
		return err
	})
	return n, err
}

// lastackSide is a userspace host.
type lastackSide struct {
	host *stack.Host
}

func (l *lastackSide) addr() netip.Addr             { return l.host.Addrs()[0] }
func (l *lastackSide) set(name, value string) error { return l.host.Tunables().Set(name, value) }
func (l *lastackSide) timeWaits() (int, error)      { return l.host.TimeWaits(), nil }

func (l *lastackSide) namespace() *lab.Namespace { return nil }

func (l *lastackSide) listen() (net.Listener, error) {
	return l.host.Listen("tcp", netip.AddrPortFrom(l.addr(), port).String())
}

// dial leaves the local port to the host, which gives no other choice.
func (l *lastackSide) dial(ctx context.Context, to netip.AddrPort, _ int, data []byte) (socket, error) {
	dial := l.host.Dial
	if len(data) > 0 {
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return l.host.DialFastOpen(ctx, network, address, data)
		}
	}
	c, err := dial(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	return c.(*stack.Conn), nil
}

func (l *lastackSide) state(local, remote netip.AddrPort) (string, error) {
	return l.host.State(segment.Tuple{Src: segment.EndpointFrom(local), Dst: segment.EndpointFrom(remote)}), nil
}

// poll calls done every so often until it says so, fails, or ctx ends, and then
// once more.
func poll(ctx context.Context, every time.Duration, done func() (bool, error)) (bool, error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		over := ctx.Err() != nil
		ok, err := done()
		if ok || err != nil || over {
			return ok, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
