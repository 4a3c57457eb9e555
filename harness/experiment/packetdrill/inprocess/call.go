package inprocess

import (
	"context"
	"fmt"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/stack"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// socket is what a descriptor of a script's stands for.
type socket struct {
	raw      *stack.Raw
	domain   int
	nonblock bool
	listens  bool
	// fast: TCP_FASTOPEN_CONNECT is set. deferred is where connect was told to connect,
	// which the first write does then.
	fast     bool
	deferred *packetdrill.Addr
	// early are data that went out in the SYN: netstack is given them once it is connected.
	early []byte
}

// pending is a system call: try returns its result, or nil while it blocks.
type pending struct {
	try    func() *packetdrill.Result
	result *packetdrill.Result
}

// attempt makes a call of a socket's: nil while it blocks.
type attempt func(s *Subject, k *socket, c *packetdrill.Call) func() *packetdrill.Result

// attempts are the calls that take a socket.
var attempts = map[string]attempt{
	"bind": now(bind), "listen": now(listen), "shutdown": now(shutdown),
	"fcntl": now(fcntl), "ioctl": now(ioctl), "setsockopt": now(setOption), "getsockopt": now(getOption),
	"accept": accept, "connect": connect, "read": read, "write": write, "close": closeSocket,
}

// now is an attempt that never blocks.
func now(f func(k *socket, c *packetdrill.Call) *packetdrill.Result) attempt {
	return func(_ *Subject, k *socket, c *packetdrill.Call) func() *packetdrill.Result {
		return func() *packetdrill.Result { return f(k, c) }
	}
}

// Start implements packetdrill.Subject.
func (s *Subject) Start(c *packetdrill.Call) error {
	if s.pending != nil {
		return fmt.Errorf("%s: the call before it has not returned", c.Name)
	}
	try, err := s.prepare(c)
	if err != nil {
		return err
	}
	s.pending = &pending{try: try}
	return s.settle()
}

func (s *Subject) prepare(c *packetdrill.Call) (func() *packetdrill.Result, error) {
	switch c.Name {
	case "socket":
		return func() *packetdrill.Result { return s.socket(c) }, nil
	case "poll":
		return s.poll(c), nil
	case "epoll_create", "epoll_ctl", "epoll_wait":
		return s.epollCall(c), nil
	}
	f, ok := attempts[c.Name]
	if !ok {
		return nil, fmt.Errorf("%s: %w", c.Name, packetdrill.ErrUnsupported)
	}
	if _, isPoll := s.polls[c.FD]; isPoll && c.Name == "close" {
		delete(s.polls, c.FD)
		return func() *packetdrill.Result { return returned(0) }, nil
	}
	if err := s.mayHave(c); err != nil {
		return nil, err
	}
	k := s.sockets[c.FD]
	if k == nil {
		return func() *packetdrill.Result { return failed("EBADF") }, nil
	}
	return f(s, k, c), nil
}

// Result implements packetdrill.Subject.
func (s *Subject) Result(ctx context.Context, until time.Duration) (*packetdrill.Result, error) {
	if s.pending == nil {
		return nil, fmt.Errorf("no call has been made")
	}
	p := s.pending
	if p.result == nil {
		if err := s.wait(ctx, until, func() bool { return p.result != nil }); err != nil {
			return nil, err
		}
	}
	s.pending = nil
	return p.result, nil
}

// progress tries what blocks, and reports whether it did something.
func (s *Subject) progress() bool {
	done := s.giveEarly()
	if p := s.pending; p != nil && p.result == nil {
		if p.result = p.try(); p.result != nil {
			p.result.At = s.Now()
			return true
		}
	}
	return done
}

// add gives a socket a descriptor.
func (s *Subject) add(k *socket) int {
	fd := s.nextFD
	s.nextFD++
	s.sockets[fd] = k
	return fd
}

func (s *Subject) socket(c *packetdrill.Call) *packetdrill.Result {
	if c.Type&sockTypeMask != sockStream {
		return failed("EPROTONOSUPPORT")
	}
	var protocol tcpip.NetworkProtocolNumber
	switch c.Domain {
	case afINET:
		protocol = header.IPv4ProtocolNumber
	case afINET6:
		protocol = header.IPv6ProtocolNumber
	default:
		return failed("EAFNOSUPPORT")
	}
	raw, err := s.host.Raw(protocol)
	if err != nil {
		return failed("ENOBUFS")
	}
	return returned(s.add(&socket{raw: raw, domain: c.Domain, nonblock: c.Type&nonblock != 0}))
}

// waits reports whether a call of the socket's with such flags may block.
func (k *socket) waits(flags int) bool { return !k.nonblock && flags&msgDontWait == 0 }

// after returns a function that tells whether a time has passed; negative never does.
func (s *Subject) after(d time.Duration) (over func() bool) {
	if d < 0 {
		return func() bool { return false }
	}
	end := s.Now() + d
	if s.clock != nil {
		s.clock.AfterFunc(d, func() {}) // or the clock would jump past it
	}
	return func() bool { return s.Now() >= end }
}
