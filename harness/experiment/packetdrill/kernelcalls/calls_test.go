package kernelcalls

import (
	"net/netip"
	"slices"
	"testing"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/helper"

	"golang.org/x/sys/unix"
)

// caller makes calls that must return something.
type caller struct {
	t *testing.T
	s *sockets
}

func (c caller) try(call packetdrill.Call) *helper.Response {
	return c.s.do(&helper.Request{Call: call})
}

func (c caller) ok(call packetdrill.Call) *helper.Response {
	c.t.Helper()
	r := c.try(call)
	if r.Return < 0 {
		c.t.Fatalf("%s: %s", call.Name, r.Errno)
	}
	return r
}

// connected is a connection over loopback.
func (c caller) connected() (listener, client, server int) {
	c.t.Helper()
	at := &packetdrill.Addr{Family: unix.AF_INET, IP: netip.MustParseAddr("127.0.0.1")}
	listener = int(c.ok(packetdrill.Call{Name: "socket", Domain: unix.AF_INET, Type: unix.SOCK_STREAM}).Return)
	c.ok(packetdrill.Call{Name: "bind", FD: listener, Addr: at})
	c.ok(packetdrill.Call{Name: "listen", FD: listener, Backlog: 1})
	name, err := unix.Getsockname(listener)
	if err != nil {
		c.t.Fatal(err)
	}
	at.Port = address(name).Port
	client = int(c.ok(packetdrill.Call{Name: "socket", Domain: unix.AF_INET, Type: unix.SOCK_STREAM}).Return)
	c.ok(packetdrill.Call{Name: "connect", FD: client, Addr: at})
	accepted := c.ok(packetdrill.Call{Name: "accept", FD: listener, Flags: unix.SOCK_NONBLOCK})
	if accepted.Addr == nil || accepted.Addr.IP != at.IP || accepted.Addr.Port == 0 {
		c.t.Errorf("accepted from %+v", accepted.Addr)
	}
	server = int(accepted.Return)
	c.t.Cleanup(func() {
		for _, fd := range []int{listener, client, server} {
			unix.Close(fd)
		}
	})
	return listener, client, server
}

func TestDataGoThrough(t *testing.T) {
	c := caller{t, &sockets{open: map[int]bool{}}}
	_, client, server := c.connected()
	if r := c.try(packetdrill.Call{Name: "read", FD: server, Count: 9}); r.Errno != "EAGAIN" {
		t.Errorf("read without data: %+v", r)
	}
	if r := c.ok(packetdrill.Call{Name: "write", FD: client, Data: []byte("ab"), Count: 4}); r.Return != 4 {
		t.Errorf("wrote %d", r.Return)
	}
	polled := c.ok(packetdrill.Call{Name: "poll", Timeout: -1, Poll: []packetdrill.PollItem{{FD: server, Events: unix.POLLIN}}})
	if polled.Return != 1 || polled.Poll[0].Returned != unix.POLLIN {
		t.Errorf("%+v", polled)
	}
	if r := c.ok(packetdrill.Call{Name: "ioctl", FD: server, Command: unix.SIOCINQ}); *r.Value.Int != 4 {
		t.Errorf("SIOCINQ: %+v", r.Value)
	}
	if r := c.ok(packetdrill.Call{Name: "read", FD: server, Count: 9, Flags: unix.MSG_PEEK}); string(r.Data) != "ab\x00\x00" {
		t.Errorf("peeked %q", r.Data)
	}
	if r := c.ok(packetdrill.Call{Name: "read", FD: server, Count: 9}); string(r.Data) != "ab\x00\x00" {
		t.Errorf("read %q", r.Data)
	}
	c.ok(packetdrill.Call{Name: "shutdown", FD: client, How: unix.SHUT_WR})
	c.ok(packetdrill.Call{Name: "poll", Timeout: -1, Poll: []packetdrill.PollItem{{FD: server, Events: unix.POLLIN}}})
	if r := c.ok(packetdrill.Call{Name: "read", FD: server, Count: 9}); r.Return != 0 {
		t.Errorf("read %+v at the end", r)
	}
}

func TestOptions(t *testing.T) {
	c := caller{t, &sockets{open: map[int]bool{}}}
	listener, client, _ := c.connected()
	set := func(level, option int, v *packetdrill.OptValue) {
		t.Helper()
		c.ok(packetdrill.Call{Name: "setsockopt", FD: client, Level: level, Option: option, Value: v})
	}
	get := func(fd, level, option int) *packetdrill.OptValue {
		t.Helper()
		return c.ok(packetdrill.Call{Name: "getsockopt", FD: fd, Level: level, Option: option}).Value
	}
	set(unix.SOL_TCP, unix.TCP_NODELAY, packetdrill.Int(1))
	if v := get(client, unix.SOL_TCP, unix.TCP_NODELAY); *v.Int != 1 {
		t.Errorf("%+v", v)
	}
	set(unix.SOL_SOCKET, unix.SO_LINGER, &packetdrill.OptValue{Linger: &packetdrill.Linger{On: 1, Seconds: 7}})
	if v := get(client, unix.SOL_SOCKET, unix.SO_LINGER); v.Linger == nil || *v.Linger != (packetdrill.Linger{On: 1, Seconds: 7}) {
		t.Errorf("%+v", v)
	}
	set(unix.SOL_TCP, unix.TCP_CONGESTION, &packetdrill.OptValue{Bytes: []byte("reno")})
	if v := get(client, unix.SOL_TCP, unix.TCP_CONGESTION); string(v.Bytes) != "reno" {
		t.Errorf("%q", v.Bytes)
	}
	for fd, want := range map[int]int64{client: unix.BPF_TCP_ESTABLISHED, listener: unix.BPF_TCP_LISTEN} {
		i := get(fd, unix.SOL_TCP, unix.TCP_INFO).Info
		if i["tcpi_state"] != want {
			t.Errorf("tcpi_state %d, want %d", i["tcpi_state"], want)
		}
	}
	i := get(client, unix.SOL_TCP, unix.TCP_INFO).Info
	for _, name := range []string{"tcpi_rto", "tcpi_snd_wscale", "tcpi_snd_cwnd", "tcpi_snd_mss"} {
		if i[name] <= 0 {
			t.Errorf("%s is %d", name, i[name])
		}
	}
}

func TestEpoll(t *testing.T) {
	c := caller{t, &sockets{open: map[int]bool{}}}
	_, client, _ := c.connected()
	e := int(c.ok(packetdrill.Call{Name: "epoll_create"}).Return)
	defer unix.Close(e)
	c.ok(packetdrill.Call{Name: "epoll_ctl", FD: e, Command: unix.EPOLL_CTL_ADD, Poll: []packetdrill.PollItem{{FD: client, Events: unix.EPOLLOUT, Data: 1 << 40}}})
	r := c.ok(packetdrill.Call{Name: "epoll_wait", FD: e, Count: 4, Timeout: -1})
	if want := []packetdrill.PollItem{{Returned: unix.EPOLLOUT, Data: 1 << 40}}; !slices.Equal(r.Poll, want) {
		t.Errorf("%+v", r.Poll)
	}
}

func TestFailuresHaveNames(t *testing.T) {
	c := caller{t, &sockets{open: map[int]bool{}}}
	_, client, _ := c.connected()
	for want, call := range map[string]packetdrill.Call{
		"EBADF":           {Name: "listen", FD: -1},
		helper.Unknown:    {Name: "fork"},
		"EFAULT":          {Name: "connect", FD: client},
		"EISCONN":         {Name: "connect", FD: client, Addr: &packetdrill.Addr{Family: unix.AF_INET, IP: netip.MustParseAddr("127.0.0.1"), Port: 9}},
		"EINVAL":          {Name: "read", FD: client, Count: 1 << 40},
		"EMSGSIZE":        {Name: "write", FD: client, Count: 1 << 40},
		"EPROTONOSUPPORT": {Name: "socket", Domain: unix.AF_INET, Type: unix.SOCK_STREAM, Protocol: 17},
	} {
		if r := c.try(call); r.Return != -1 || r.Errno != want {
			t.Errorf("%+v: %d %s, want %s", call, r.Return, r.Errno, want)
		}
	}
	r := helper.Request{Sysctl: "kernel.hostname", Text: "x"}
	r.Name = "sysctl"
	if got := c.s.do(&r); got.Errno != "ENOENT" {
		t.Errorf("a tunable of the machine's: %+v", got)
	}
}

func TestStates(t *testing.T) {
	c := caller{t, &sockets{open: map[int]bool{}}}
	fd := int(c.ok(packetdrill.Call{Name: "socket", Domain: unix.AF_INET, Type: unix.SOCK_STREAM}).Return)
	listed := c.ok(packetdrill.Call{Name: "states"}).States
	if !slices.Contains(listed, "CLOSED") {
		t.Errorf("%v, want the socket that is closed", listed)
	}
	c.ok(packetdrill.Call{Name: "close", FD: fd})
	if listed := c.ok(packetdrill.Call{Name: "states"}).States; slices.Contains(listed, "CLOSED") {
		t.Errorf("%v, and nothing is held", listed)
	}
}
