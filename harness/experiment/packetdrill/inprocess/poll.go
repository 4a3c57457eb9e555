package inprocess

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"lastack/harness/experiment/packetdrill"

	"gvisor.dev/gvisor/pkg/waiter"
)

// ready are the events of a socket that are asked for, and those that always count.
func (s *Subject) ready(fd, events int) int {
	k := s.sockets[fd]
	if k == nil {
		return pollNVal
	}
	if k.deferred != nil { // a write connects it
		return events & (pollOut | pollWrNorm)
	}
	mask := waiter.EventMask(events|pollErr|pollHUp) & waiter.AllEvents
	return int(k.raw.Readiness(mask) & mask)
}

// timeout is how long a poll waits.
func timeout(ms int) time.Duration {
	if ms < 0 {
		return -1
	}
	return time.Duration(ms) * time.Millisecond
}

func (s *Subject) poll(c *packetdrill.Call) func() *packetdrill.Result {
	over := s.after(timeout(c.Timeout))
	return func() *packetdrill.Result {
		items, n := slices.Clone(c.Poll), 0
		for i := range items {
			items[i].Returned = s.ready(items[i].FD, items[i].Events)
			if items[i].Returned != 0 {
				n++
			}
		}
		if n == 0 && !over() {
			return nil
		}
		return &packetdrill.Result{Return: int64(n), Poll: items}
	}
}

// epoll is an epoll descriptor: its sockets, and, of those that are edge-triggered, what
// was reported last.
type epoll struct {
	items map[int]*packetdrill.PollItem
	seen  map[int]int
}

func (s *Subject) epollCall(c *packetdrill.Call) func() *packetdrill.Result {
	if c.Name == "epoll_create" {
		return func() *packetdrill.Result {
			fd := s.nextFD
			s.nextFD++
			s.polls[fd] = &epoll{items: map[int]*packetdrill.PollItem{}, seen: map[int]int{}}
			return returned(fd)
		}
	}
	e := s.polls[c.FD]
	if e == nil {
		return func() *packetdrill.Result { return failed("EBADF") }
	}
	if c.Name == "epoll_ctl" {
		return func() *packetdrill.Result { return s.control(e, c) }
	}
	over := s.after(timeout(c.Timeout))
	return func() *packetdrill.Result {
		items := s.epollReady(e, c.Count)
		if len(items) == 0 && !over() {
			return nil
		}
		return &packetdrill.Result{Return: int64(len(items)), Poll: items}
	}
}

func (s *Subject) control(e *epoll, c *packetdrill.Call) *packetdrill.Result {
	if len(c.Poll) != 1 {
		return failed("EINVAL")
	}
	item := c.Poll[0]
	_, there := e.items[item.FD]
	switch {
	case s.sockets[item.FD] == nil:
		return failed("EBADF")
	case c.Command == epollAdd && there:
		return failed("EEXIST")
	case c.Command != epollAdd && !there:
		return failed("ENOENT")
	}
	delete(e.seen, item.FD)
	delete(e.items, item.FD)
	if c.Command == epollAdd || c.Command == epollMod {
		e.items[item.FD] = &item
	}
	return returned(0)
}

// epollReady lists the sockets that have something to report, at most so many.
func (s *Subject) epollReady(e *epoll, limit int) []packetdrill.PollItem {
	var all []packetdrill.PollItem
	for _, fd := range slices.SortedFunc(maps.Keys(e.items), cmp.Compare[int]) {
		item := e.items[fd]
		if s.sockets[fd] == nil {
			delete(e.items, fd) // it is closed
			continue
		}
		got := s.ready(fd, item.Events)
		if item.Events&epollET != 0 {
			fresh := got &^ e.seen[fd]
			e.seen[fd] = got
			if fresh == 0 {
				continue
			}
		}
		if got == 0 || len(all) >= limit {
			continue
		}
		if item.Events&epollOneShot != 0 {
			item.Events = 0
		}
		all = append(all, packetdrill.PollItem{FD: fd, Events: item.Events, Returned: got, Data: item.Data})
	}
	return all
}
