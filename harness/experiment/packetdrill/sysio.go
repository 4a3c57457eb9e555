package packetdrill

import (
	"fmt"

	"lastack/harness/experiment/packetdrill/script"
)

func readCall(a *args, c *Call) func(*Result) *Failure {
	a.count(3)
	c.Name, c.FD, c.Count, c.Flags = "read", a.fd(0), int(a.int(2, 0)), int(a.int(3, 0))
	want, ok := a.expr(1).(*script.String)
	if !ok {
		return nil
	}
	return func(res *Result) *Failure {
		got, text := string(res.Data), want.Value
		if want.More && len(got) > len(text) {
			got = got[:len(text)]
		}
		if got != text && res.Data != nil {
			return &Failure{Why: fmt.Sprintf("read %q, expected %q", got, text)}
		}
		return nil
	}
}

func readvCall(a *args, c *Call) func(*Result) *Failure {
	a.count(3)
	n, _ := a.vector(a.expr(1))
	c.Name, c.FD, c.Count = "read", a.fd(0), int(n)
	return nil
}

func recvmsgCall(a *args, c *Call) func(*Result) *Failure {
	a.count(3)
	n, _ := a.message(1)
	c.Name, c.FD, c.Count, c.Flags = "read", a.fd(0), int(n), int(a.int(2, 0))
	if s, ok := a.expr(1).(*script.Struct); ok && s.Field("msg_control") != nil && !isAny(s.Field("msg_control").Value) {
		a.fail(s.Position(), "msg_control is not compared, and cannot be expected")
	}
	return nil
}

func writeCall(a *args, c *Call) func(*Result) *Failure {
	a.count(3)
	c.Name, c.FD, c.Flags = "write", a.fd(0), int(a.int(3, 0))
	c.Data = a.data(1, a.int(2, 0))
	return nil
}

// fastOpen is MSG_FASTOPEN.
const fastOpen = 0x20000000

func sendtoCall(a *args, c *Call) func(*Result) *Failure {
	writeCall(a, c)
	if c.Flags&fastOpen != 0 {
		c.Addr = a.target(a.expr(4), a.scripted(0))
	}
	return nil
}

func writevCall(a *args, c *Call) func(*Result) *Failure {
	a.count(3)
	c.Name, c.FD = "write", a.fd(0)
	_, c.Data = a.vector(a.expr(1))
	return nil
}

func sendmsgCall(a *args, c *Call) func(*Result) *Failure {
	a.count(3)
	c.Name, c.FD, c.Flags = "write", a.fd(0), int(a.int(2, 0))
	_, c.Data = a.message(1)
	if s, ok := a.expr(1).(*script.Struct); ok && c.Flags&fastOpen != 0 {
		var name script.Expr = &script.Ellipsis{}
		if f := s.Field("msg_name"); f != nil {
			name = f.Value
		}
		c.Addr = a.target(name, a.scripted(0))
	}
	return nil
}

// pollItems are structs pollfd, or one struct epoll_event.
func (a *args) pollItems(e script.Expr) (items []PollItem, want []int64) {
	x, ok := e.(*script.Array)
	if !ok {
		a.fail(e.Position(), "want an array of {fd=..., events=...}")
		return nil, nil
	}
	for _, el := range x.Elements {
		s, ok := el.(*script.Struct)
		if !ok {
			a.fail(el.Position(), "want {fd=..., events=...}")
			return nil, nil
		}
		item, returned := PollItem{FD: -1}, int64(-1)
		for _, f := range s.Fields {
			switch f.Name {
			case "fd":
				item.FD = a.descriptor(f.Value)
			case "events":
				item.Events = int(a.value(f.Value, 0))
			case "revents":
				returned = a.value(f.Value, -1)
			}
		}
		items, want = append(items, item), append(want, returned)
	}
	return items, want
}

func pollCall(a *args, c *Call) func(*Result) *Failure {
	a.count(3)
	var want []int64
	c.Poll, want = a.pollItems(a.expr(0))
	c.Timeout = int(a.int(2, 0))
	return func(res *Result) *Failure {
		for i, w := range want {
			if w >= 0 && i < len(res.Poll) && int64(res.Poll[i].Returned) != w {
				return &Failure{Why: fmt.Sprintf("poll: revents of number %d is %#x, expected %#x", i+1, res.Poll[i].Returned, w)}
			}
		}
		return nil
	}
}

func epollCreateCall(a *args, _ *Call) func(*Result) *Failure {
	return func(res *Result) *Failure {
		_, f := a.opened(res)
		return f
	}
}

func epollCtlCall(a *args, c *Call) func(*Result) *Failure {
	a.count(4)
	c.FD, c.Command = a.fd(0), int(a.int(1, 0))
	events, data := a.epollEvent(a.expr(3))
	c.Poll = []PollItem{{FD: a.fd(2), Events: int(max(events, 0)), Data: max(data, 0)}}
	return nil
}

// epollEvent is a struct epoll_event, whose data is a number; -1 where it gives none.
func (a *args) epollEvent(e script.Expr) (events, data int64) {
	events, data = -1, -1
	s, ok := e.(*script.Struct)
	if !ok {
		return events, data
	}
	for _, f := range s.Fields {
		switch f.Name {
		case "events":
			events = a.value(f.Value, -1)
		case "fd", "ptr", "u32", "u64":
			data = a.value(f.Value, -1)
		}
	}
	return events, data
}

func epollWaitCall(a *args, c *Call) func(*Result) *Failure {
	a.count(4)
	c.FD, c.Count, c.Timeout = a.fd(0), int(a.int(2, 1)), int(a.int(3, 0))
	list := []script.Expr{a.expr(1)}
	if x, ok := list[0].(*script.Array); ok {
		list = x.Elements
	}
	var want [][2]int64
	for _, e := range list {
		events, data := a.epollEvent(e)
		want = append(want, [2]int64{events, data})
	}
	return func(res *Result) *Failure {
		for i, w := range want {
			if i >= len(res.Poll) {
				break
			}
			got := res.Poll[i]
			if w[0] >= 0 && w[0] != int64(got.Returned) || w[1] >= 0 && w[1] != got.Data {
				return &Failure{Why: fmt.Sprintf("epoll_wait: event %d is {events=%#x, data=%d}, expected {events=%#x, data=%d}", i+1, got.Returned, got.Data, w[0], w[1])}
			}
		}
		return nil
	}
}
