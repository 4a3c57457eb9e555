package monitor

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lastack/harness/host/control"
	"lastack/stack"
	"lastack/stack/link"
	"lastack/tun/tuntest"
)

// newHost is a lastack host with a hundred ports and a control socket, whose
// peer, at the other end of an in-memory wire, listens at 10.0.0.1:80.
func newHost(t *testing.T) (host *stack.Host, peer *stack.Listener, socket string) {
	t.Helper()
	a, b := tuntest.Pair(1500)
	up := func(dev link.Device, addr string) *stack.Host {
		h, err := stack.New(stack.Config{Device: dev, Addrs: []netip.Addr{netip.MustParseAddr(addr)}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = h.Close() })
		return h
	}
	host = up(a, "10.0.0.2")
	// On a busy machine a last ACK may go out twice, and draw a RST, which must not end TIME_WAIT.
	if err := errors.Join(host.Tunables().Set("net.ipv4.ip_local_port_range", "20000 20099"), host.Tunables().Set("net.ipv4.tcp_rfc1337", "1")); err != nil {
		t.Fatal(err)
	}
	peer, err := up(b, "10.0.0.1").Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(t.TempDir(), "c")
	srv, err := control.Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- srv.Serve(ctx, control.Config{
			Tunables: host.Tunables(), Sockets: host, Info: func() control.HostInfo { return control.HostInfo{} },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return host, peer, socket
}

func TestHost(t *testing.T) {
	host, peer, socket := newHost(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	connect := func() (c, s net.Conn) {
		c, err := host.Dial(ctx, "tcp", "10.0.0.1:80")
		if err != nil {
			t.Fatal(err)
		}
		if s, err = peer.Accept(); err != nil {
			t.Fatal(err)
		}
		return c, s
	}
	for range 5 { // the host closes first
		c, s := connect()
		_ = c.Close()
		_, _ = io.Copy(io.Discard, s)
		_ = s.Close()
	}
	leak, s := connect() // the peer does, and the host never
	_ = s.Close()
	if _, err := io.Copy(io.Discard, leak); err != nil {
		t.Fatal(err)
	}
	src := NewHost(socket)
	var got *Sample
	for got == nil || got.States["TIME_WAIT"] < 5 {
		var err error
		if got, err = src.Look(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if len(got.States) != 2 || got.States["TIME_WAIT"] != 5 || got.States["CLOSE_WAIT"] != 1 {
		t.Errorf("states %v", got.States)
	}
	local := leak.LocalAddr().(*net.TCPAddr).AddrPort()
	if len(got.CloseWait) != 1 || got.CloseWait[0].ID != local.String()+" 10.0.0.1:80" {
		t.Errorf("CLOSE_WAIT %+v, want that of %s", got.CloseWait, local)
	}
	if len(got.Destinations) != 1 {
		t.Fatalf("destinations %+v, want one", got.Destinations)
	}
	// In the same process it looks the same.
	counters := func() map[string]uint64 { return map[string]uint64{"TcpExtTCPTimeWaitOverflow": 1} }
	own, err := (&Own{Sockets: host, Tunables: host.Tunables(), Counters: counters}).Look(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(own.States, got.States) || !slices.Equal(own.CloseWait, got.CloseWait) || own.Destinations[0].Left() != 94 ||
		own.Counters["TcpExtTCPTimeWaitOverflow"] != 1 || own.Rest != 0 {
		t.Errorf("%+v, and over the control socket %+v", own, got)
	}
	d := got.Destinations[0]
	if d.Ports != 100 || d.Left() != 94 || d.TimeWait != 5 || d.Live != 1 || d.HoldMS != 60_000 || d.Rate(time.Minute) == 0 {
		t.Errorf("%+v", d)
	}
}

func TestHostThatIsNotThere(t *testing.T) {
	_, err := NewHost(filepath.Join(t.TempDir(), "none")).Look(t.Context())
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want fs.ErrNotExist", err)
	}
}
