package packetdrill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lastack/harness/experiment/packetdrill/script"
)

// syscall makes a system call of a script's for a subject, and says what the runner does
// with its result, which may be nothing.
type syscall func(a *args, c *Call) (then func(*Result) *Failure)

// syscalls are those that scripts may make.
var syscalls = map[string]syscall{
	"socket": socketCall, "bind": bindCall, "listen": listenCall, "accept": acceptCall, "accept4": acceptCall,
	"connect": connectCall, "close": closeCall, "shutdown": shutdownCall, "fcntl": fcntlCall, "ioctl": ioctlCall,
	"read": readCall, "recv": readCall, "recvfrom": readCall, "readv": readvCall, "recvmsg": recvmsgCall,
	"write": writeCall, "send": writeCall, "sendto": sendtoCall, "writev": writevCall, "sendmsg": sendmsgCall,
	"setsockopt": setsockoptCall, "getsockopt": getsockoptCall, "poll": pollCall,
	"epoll_create": epollCreateCall, "epoll_ctl": epollCtlCall, "epoll_wait": epollWaitCall,
}

// blocked is a call that has not returned.
type blocked struct {
	event *script.Event
	call  *script.Syscall
	then  func(*Result) *Failure
	end   time.Duration // when it must return, by the script
	slack time.Duration // and how far that may be off
}

// call makes a system call. begun is when the event before it was.
func (r *run) call(ctx context.Context, e *script.Event, s *script.Syscall, begun time.Duration) error {
	if err := r.unblock(ctx); err != nil {
		return err
	}
	f, ok := syscalls[s.Name]
	if !ok {
		return unsupported(s.Pos, "the system call %s cannot be made", s.Name)
	}
	a := &args{r: r, call: s}
	c := &Call{Name: s.Name}
	then := f(a, c)
	if a.err != nil {
		return a.err
	}
	if err := r.subject.Start(c); err != nil {
		return r.broke(s.Pos, err)
	}
	b := &blocked{event: e, call: s, then: then}
	if s.Blocking {
		b.end = s.End
		if e.Time.Kind == script.Relative || e.Time.Kind == script.RelativeRange {
			b.end += begun
		}
		b.slack = r.slack(b.end)
		r.blocked = b
		return nil
	}
	res, err := r.subject.Result(ctx, r.subject.Now()+r.patience(c))
	if errors.Is(err, ErrQuiet) {
		return &Failure{Pos: e.Pos, Why: s.Name + " blocks, and the script does not say so", Expected: e.Text}
	}
	if err != nil {
		return r.broke(s.Pos, err)
	}
	return r.returned(b, res)
}

// patience is how long a call may take that the script does not call blocking.
func (r *run) patience(c *Call) time.Duration {
	wait := r.tolerance
	if !r.subject.Virtual() {
		wait += time.Second
	}
	switch c.Name {
	case "close":
		wait += time.Hour // with SO_LINGER
	case "poll", "epoll_wait":
		if c.Timeout < 0 {
			return r.limit()
		}
		wait += time.Duration(c.Timeout) * time.Millisecond
	}
	return wait
}

// overdue ends a blocking call that must have returned by now.
func (r *run) overdue(ctx context.Context, now time.Duration) error {
	if r.blocked == nil || now <= r.blocked.end+r.blocked.slack {
		return nil
	}
	return r.unblock(ctx)
}

// unblock waits for the call that blocks, and holds its end against the script.
func (r *run) unblock(ctx context.Context) error {
	b := r.blocked
	if b == nil {
		return nil
	}
	r.blocked = nil
	res, err := r.subject.Result(ctx, r.base+b.end+b.slack)
	if errors.Is(err, ErrQuiet) {
		return &Failure{
			Pos: b.event.Pos, Expected: b.event.Text,
			Why: fmt.Sprintf("%s has not returned by %s", b.call.Name, seconds(b.end+b.slack)),
		}
	}
	if err != nil {
		return r.broke(b.event.Pos, err)
	}
	if at := res.At - r.base; at < b.end-b.slack || at > b.end+b.slack {
		return &Failure{
			Pos: b.event.Pos, Expected: b.event.Text, Got: returns(b.call, res),
			Why: fmt.Sprintf("time: %s returned at %s, expected at %s (tolerance %v)", b.call.Name, seconds(at), seconds(b.end), b.slack),
		}
	}
	return r.returned(b, res)
}

// returned holds the result of a call against the script.
func (r *run) returned(b *blocked, res *Result) error {
	err := r.checkResult(b, res)
	text := b.event.Text
	if err != nil {
		text = returns(b.call, res)
	}
	r.record(Exchanged{At: res.At - r.base, Line: b.event.Pos.Line, Text: text})
	return err
}

func (r *run) checkResult(b *blocked, res *Result) error {
	fail := func(why string) error {
		return &Failure{Pos: b.event.Pos, Why: why, Expected: b.event.Text, Got: returns(b.call, res)}
	}
	if !isAny(b.call.Result) {
		want, err := number(b.call.Result)
		switch {
		case err != nil:
			return unsupported(b.call.Pos, "the result of %s: %v", b.call.Name, err)
		case opens(b.call.Name) && want >= 0 && res.Return >= 0:
		case want != res.Return:
			return fail(fmt.Sprintf("%s returned %s, expected %s", b.call.Name, result(res.Return, res.Errno), result(want, b.call.Errno)))
		}
		if want < 0 && b.call.Errno != "" && !sameErrno(b.call.Errno, res.Errno) {
			return fail(fmt.Sprintf("%s failed with %s, expected %s", b.call.Name, res.Errno, b.call.Errno))
		}
	}
	if b.then == nil || res.Return < 0 {
		return nil
	}
	if f := b.then(res); f != nil {
		f.Pos, f.Expected = b.event.Pos, b.event.Text
		if f.Got == "" {
			f.Got = returns(b.call, res)
		}
		return f
	}
	return nil
}

// opens reports whether a call returns a descriptor, whose number the script chooses.
func opens(name string) bool {
	return slices.Contains([]string{"socket", "accept", "accept4", "epoll_create"}, name)
}

func result(n int64, errno string) string {
	if errno != "" {
		return fmt.Sprintf("%d %s", n, errno)
	}
	return fmt.Sprint(n)
}

func returns(s *script.Syscall, res *Result) string {
	return fmt.Sprintf("%s(...) = %s", s.Name, result(res.Return, res.Errno))
}

// sameErrno: Linux has two names for some.
func sameErrno(want, got string) bool { return oneName(want) == oneName(got) }

func oneName(errno string) string {
	switch errno {
	case "EWOULDBLOCK":
		return "EAGAIN"
	case "ENOTSUP":
		return "EOPNOTSUPP"
	}
	return errno
}
