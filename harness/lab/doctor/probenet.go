package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"time"

	"lastack/harness/capture"
	"lastack/harness/lab"

	"golang.org/x/sys/unix"
)

// socketStates looks for sockets whose states are known.
func socketStates(ctx context.Context) finding {
	const fix = "sudo modprobe tcp_diag"
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fails(err.Error(), reportIt)
	}
	defer ln.Close()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp4", ln.Addr().String())
	if err != nil {
		return fails(err.Error(), reportIt)
	}
	defer conn.Close()
	server := addrPort(ln.Addr())
	for _, want := range []struct {
		local, remote netip.AddrPort
		state         string
	}{
		{server, netip.AddrPort{}, "LISTEN"},
		{addrPort(conn.LocalAddr()), server, "ESTABLISHED"},
	} {
		s, err := lab.FindSocket(want.local, want.remote)
		if err != nil {
			return fails(err.Error(), fix)
		}
		if s.State != want.state {
			return fails(fmt.Sprintf("inet_diag shows a socket as %s that is %s", s.State, want.state), reportIt)
		}
	}
	return works("inet_diag shows the kernel's sockets")
}

func addrPort(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

// veth links two namespaces, and makes a connection between them.
func veth(ctx context.Context) finding {
	ns, err := lab.NewNamespace()
	if err != nil {
		return fails(err.Error(), "in a container, start that with --cap-add SYS_ADMIN")
	}
	defer ns.Close()
	near, far := netip.MustParsePrefix("198.51.100.1/24"), netip.MustParsePrefix("198.51.100.2/24")
	err = lab.Veth(lab.VethConfig{
		A: lab.VethEnd{Addrs: []netip.Prefix{near}},
		B: lab.VethEnd{Namespace: ns, Addrs: []netip.Prefix{far}},
	})
	if err != nil {
		return fails(err.Error(), "sudo modprobe veth")
	}
	var ln net.Listener
	err = ns.Do(func() (err error) {
		ln, err = net.Listen("tcp4", netip.AddrPortFrom(far.Addr(), 0).String())
		return err
	})
	if err != nil {
		return fails("in the second namespace: "+err.Error(), reportIt)
	}
	defer ln.Close()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp4", ln.Addr().String())
	if err != nil {
		return fails("the link is there, but carries nothing: "+because(ctx, err).Error(), reportIt)
	}
	conn.Close()
	return works("links two namespaces, and a connection crosses it")
}

func ipv6(ctx context.Context) finding {
	err := toMyself(ctx, "::1")
	switch {
	case err == nil:
		return works("a datagram passes over ::1")
	case errors.Is(err, unix.EAFNOSUPPORT):
		return fails("the kernel has no IPv6: "+err.Error(), "boot the kernel without ipv6.disable=1")
	}
	return fails("no datagram passes over ::1: "+err.Error(), "sudo sysctl -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0")
}

// toMyself sends the message over loopback and waits for it.
func toMyself(ctx context.Context, addr string) error {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(addr)})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := setDeadline(ctx, conn); err != nil {
		return err
	}
	if _, err := conn.WriteTo([]byte(message), conn.LocalAddr()); err != nil {
		return err
	}
	return receive(ctx, conn)
}

// setDeadline lets no read or write outlast ctx, which has a deadline in every trial.
func setDeadline(ctx context.Context, conn net.Conn) error {
	at, ok := ctx.Deadline()
	if !ok {
		at = time.Now().Add(trialTimeout)
	}
	return conn.SetDeadline(at)
}

// receive expects the message.
func receive(ctx context.Context, conn *net.UDPConn) error {
	buf := make([]byte, 2*len(message))
	n, _, err := conn.ReadFrom(buf)
	if err != nil {
		return because(ctx, err)
	}
	if string(buf[:n]) != message {
		return fmt.Errorf("%q arrived instead of %q", buf[:n], message)
	}
	return nil
}

// because names the time limit where that is what ended a wait.
func because(ctx context.Context, err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() || ctx.Err() != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
	}
	return err
}

// tcpdump records a datagram on loopback. Where it cannot, the packet socket does,
// so that is no more than a limit.
func tcpdump(ctx context.Context) finding {
	td, err := capture.StartTcpdump(ctx, "lo", capture.TcpdumpConfig{Filter: "udp", Buffer: 1 << 20})
	if err != nil {
		return noTcpdump(err)
	}
	defer td.Close()
	if err := toMyself(ctx, "127.0.0.1"); err != nil {
		return fails("nothing to record on lo: "+err.Error(), reportIt)
	}
	if _, err := td.Stop(ctx, capture.Drain{}); err != nil {
		return noTcpdump(err)
	}
	packets, err := capture.ReadAll(td)
	if err != nil {
		return noTcpdump(err)
	}
	for _, p := range packets {
		if len(p.Data) == 20+8+len(message) && string(p.Data[28:]) == message {
			return works("records")
		}
	}
	return finding{Limited, "it runs but recorded nothing; " + instead, reportIt}
}

const instead = "the packet socket is used instead"

func noTcpdump(err error) finding {
	var u *capture.UnavailableError
	if !errors.As(err, &u) {
		return finding{Limited, err.Error() + "; " + instead, reportIt}
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, exec.ErrNotFound) {
		return fails(u.What+"; "+instead, "sudo apt-get install tcpdump")
	}
	return finding{Limited, u.What + "; " + instead, u.Mend}
}
