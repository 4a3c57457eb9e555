package packetdrill

import (
	"fmt"
	"slices"

	"lastack/harness/experiment/packetdrill/script"
)

// opened remembers the descriptor that a call returned, under the script's number.
func (a *args) opened(res *Result) (int, *Failure) {
	if isAny(a.call.Result) {
		return -1, nil
	}
	n, err := number(a.call.Result)
	if err != nil || n < 0 {
		return -1, nil
	}
	a.r.fds[int(n)] = int(res.Return)
	return int(n), nil
}

func socketCall(a *args, c *Call) func(*Result) *Failure {
	a.count(3)
	c.Domain = int(a.int(0, int64(a.r.family())))
	c.Type, c.Protocol = int(a.int(1, 1)), int(a.int(2, 0))
	return func(res *Result) *Failure {
		fd, f := a.opened(res)
		local, remote := a.r.ends()
		made := &conn{fd: fd, local: addrPort(local, 0), remote: addrPort(remote, 0)}
		a.r.conns = append(a.r.conns, made)
		a.r.cur = made
		return f
	}
}

// socketOf is the connection of a descriptor of the script's, nil if there is none.
func (r *run) socketOf(fd int) *conn {
	for _, c := range slices.Backward(r.conns) {
		if c.fd == fd && fd >= 0 {
			return c
		}
	}
	return nil
}

func bindCall(a *args, c *Call) func(*Result) *Failure {
	a.count(3)
	local, _ := a.r.ends()
	c.FD, c.Addr = a.fd(0), a.addr(a.expr(1), a.r.socketAddr(local, a.r.ports.bind))
	fd := a.scripted(0)
	return func(*Result) *Failure {
		if k := a.r.socketOf(fd); k != nil {
			k.local = addrPort(local, c.Addr.Port)
		}
		return nil
	}
}

func listenCall(a *args, c *Call) func(*Result) *Failure {
	a.count(2)
	c.FD, c.Backlog = a.fd(0), int(a.int(1, 1))
	fd := a.scripted(0)
	return func(*Result) *Failure {
		if k := a.r.socketOf(fd); k != nil {
			k.listening = true
		}
		return nil
	}
}

func acceptCall(a *args, c *Call) func(*Result) *Failure {
	a.count(3)
	c.Name, c.FD, c.Flags = "accept", a.fd(0), int(a.int(3, 0))
	return func(res *Result) *Failure {
		fd, f := a.opened(res)
		for _, k := range slices.Backward(a.r.conns) {
			if k.fd < 0 && !k.listening && (res.Addr == nil || res.Addr.Port == k.remote.Port()) {
				k.fd = fd
				break
			}
		}
		return f
	}
}

// connectCall notes where to before the call is made: a SYN goes out in it.
func connectCall(a *args, c *Call) func(*Result) *Failure {
	a.count(3)
	c.FD = a.fd(0)
	c.Addr = a.target(a.expr(1), a.scripted(0))
	return nil
}

// target is the address that a socket connects to.
func (a *args) target(e script.Expr, fd int) *Addr {
	_, remote := a.r.ends()
	to := a.addr(e, a.r.socketAddr(remote, a.r.ports.connect))
	if k := a.r.socketOf(fd); k != nil && to != nil && a.err == nil {
		k.remote = addrPort(to.IP.Unmap(), to.Port)
		a.r.cur = k
	}
	return to
}

func closeCall(a *args, c *Call) func(*Result) *Failure {
	a.count(1)
	c.FD = a.fd(0)
	fd := a.scripted(0)
	if k := a.r.socketOf(fd); k != nil {
		k.fd = -1
	}
	delete(a.r.fds, fd)
	return nil
}

func shutdownCall(a *args, c *Call) func(*Result) *Failure {
	a.count(2)
	c.FD, c.How = a.fd(0), int(a.int(1, 0))
	return nil
}

func fcntlCall(a *args, c *Call) func(*Result) *Failure {
	a.count(2)
	c.FD, c.Command, c.Argument = a.fd(0), int(a.int(1, 0)), a.int(2, 0)
	return nil
}

func ioctlCall(a *args, c *Call) func(*Result) *Failure {
	a.count(2)
	c.FD, c.Command = a.fd(0), int(a.int(1, 0))
	return a.sameInt(2)
}

// sameInt holds the number in a result against an argument.
func (a *args) sameInt(i int) func(*Result) *Failure {
	e := a.expr(i)
	if x, ok := e.(*script.Array); ok && len(x.Elements) == 1 {
		e = x.Elements[0]
	}
	if isAny(e) {
		return nil
	}
	want := a.value(e, 0)
	return func(res *Result) *Failure {
		if res.Value == nil || res.Value.Int == nil {
			return &Failure{Why: fmt.Sprintf("%s gave no number, expected %d", a.call.Name, want)}
		}
		if got := *res.Value.Int; got != want {
			return &Failure{Why: fmt.Sprintf("%s gave %d, expected %d", a.call.Name, got, want), Got: fmt.Sprintf("%s(..., [%d]) = %d", a.call.Name, got, res.Return)}
		}
		return nil
	}
}

const solTCP, tcpInfo = 6, 11

func setsockoptCall(a *args, c *Call) func(*Result) *Failure {
	a.count(4)
	c.FD, c.Level, c.Option = a.fd(0), int(a.int(1, 0)), int(a.int(2, 0))
	c.Value = a.option(a.expr(3))
	return nil
}

func getsockoptCall(a *args, c *Call) func(*Result) *Failure {
	a.count(4)
	c.FD, c.Level, c.Option = a.fd(0), int(a.int(1, 0)), int(a.int(2, 0))
	e := a.expr(3)
	if x, ok := e.(*script.Array); ok && len(x.Elements) == 1 {
		e = x.Elements[0]
	}
	switch x := e.(type) {
	case *script.Ellipsis:
		return nil
	case *script.String:
		return func(res *Result) *Failure { return sameText(x.Value, res) }
	case *script.Struct:
		return a.sameStruct(x)
	}
	return a.sameInt(3)
}

func sameText(want string, res *Result) *Failure {
	got := ""
	if res.Value != nil {
		got = string(res.Value.Bytes)
	}
	if got == want {
		return nil
	}
	return &Failure{Why: fmt.Sprintf("getsockopt gave %q, expected %q", got, want)}
}

// sameStruct holds struct linger or struct tcp_info against the script's.
func (a *args) sameStruct(s *script.Struct) func(*Result) *Failure {
	want := map[string]int64{}
	for i, f := range s.Fields {
		name := f.Name
		if name == "" && i < 2 {
			name = []string{"onoff", "linger"}[i]
		}
		if !isAny(f.Value) {
			want[name] = a.value(f.Value, 0)
		}
	}
	return func(res *Result) *Failure {
		got := map[string]int64{}
		if v := res.Value; v != nil && v.Linger != nil {
			got["onoff"], got["linger"] = int64(v.Linger.On), int64(v.Linger.Seconds)
		} else if v != nil {
			got = v.Info
		}
		for _, f := range s.Fields {
			n, ok := got[f.Name]
			if w, asked := want[f.Name]; asked && (!ok || n != w) {
				return &Failure{Why: fmt.Sprintf("getsockopt: %s is %d, expected %d", f.Name, n, w)}
			}
		}
		return nil
	}
}
