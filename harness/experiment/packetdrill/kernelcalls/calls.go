package kernelcalls

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/helper"
	"lastack/harness/lab"

	"golang.org/x/sys/unix"
)

// Serve answers requests until in ends or ctx does.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	s := &sockets{open: map[int]bool{}}
	done := make(chan error, 1)
	go func() { done <- helper.Serve(in, out, "the kernel", s.do) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sockets are the descriptors that calls have opened.
type sockets struct{ open map[int]bool }

// calls are those that take a socket and return a number.
var calls = map[string]func(*helper.Request) (*helper.Response, error){
	"bind": bind, "listen": listen, "connect": connect, "read": read, "write": write,
	"shutdown": shutdown, "fcntl": fcntl, "ioctl": ioctl, "setsockopt": setOption, "getsockopt": getOption,
	"poll": poll, "epoll_ctl": epollCtl, "epoll_wait": epollWait,
}

func (s *sockets) do(r *helper.Request) *helper.Response {
	res, err := s.try(r)
	var errno syscall.Errno
	switch {
	case err == nil:
		return res
	case errors.As(err, &errno):
		return failed(name(errno))
	}
	return failed(name(unix.EINVAL))
}

func (s *sockets) try(r *helper.Request) (*helper.Response, error) {
	switch r.Name {
	case "socket":
		return s.opened(unix.Socket(r.Domain, r.Type|unix.SOCK_CLOEXEC, r.Protocol))
	case "accept":
		return s.accept(r)
	case "epoll_create":
		return s.opened(unix.EpollCreate1(unix.EPOLL_CLOEXEC))
	case "close":
		delete(s.open, r.FD)
		return returned(0, unix.Close(r.FD))
	case "states":
		return s.states()
	case "sysctl":
		return sysctl(r)
	case "shell":
		return shell(r)
	}
	f, ok := calls[r.Name]
	if !ok {
		return failed(helper.Unknown), nil
	}
	return f(r)
}

func failed(errno string) *helper.Response {
	return &helper.Response{Result: packetdrill.Result{Return: -1, Errno: errno}}
}

func returned(n int, err error) (*helper.Response, error) {
	if err != nil {
		return nil, err
	}
	return &helper.Response{Result: packetdrill.Result{Return: int64(n)}}, nil
}

// name is the errno's; Linux has two names for some.
func name(e syscall.Errno) string {
	if s := unix.ErrnoName(e); s != "" {
		return s
	}
	return "EIO"
}

func (s *sockets) opened(fd int, err error) (*helper.Response, error) {
	if err == nil {
		s.open[fd] = true
	}
	return returned(fd, err)
}

func (s *sockets) accept(r *helper.Request) (*helper.Response, error) {
	var fd int
	var from unix.Sockaddr
	err := again(func() (err error) {
		fd, from, err = unix.Accept4(r.FD, r.Flags|unix.SOCK_CLOEXEC)
		return err
	})
	res, err := s.opened(fd, err)
	if err == nil {
		res.Addr = address(from)
	}
	return res, err
}

// again makes a call anew that a signal of the Go runtime's has interrupted.
func again(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// states are those of all sockets in the namespace, and of closed ones that the script
// holds, which the kernel does not list.
func (s *sockets) states() (*helper.Response, error) {
	all, err := lab.Sockets(unix.AF_UNSPEC)
	if err != nil {
		return nil, err
	}
	res := &helper.Response{}
	for i := range all {
		res.States = append(res.States, all[i].State)
	}
	for fd := range s.open {
		if info, err := unix.GetsockoptTCPInfo(fd, unix.SOL_TCP, unix.TCP_INFO); err == nil && info.State == unix.BPF_TCP_CLOSE {
			res.States = append(res.States, "CLOSED")
		}
	}
	return res, nil
}

func shell(r *helper.Request) (*helper.Response, error) {
	// Whoever gives the helper up kills it, and the shell with it.
	if err := packetdrill.Shell(context.Background(), r.Folder, r.Text); err != nil {
		res := failed("EIO")
		res.Text = err.Error()
		return res, nil
	}
	return returned(0, nil)
}

// sysctl sets a tunable of the namespace. The machine's own are not there, for it.
func sysctl(r *helper.Request) (*helper.Response, error) {
	if !strings.HasPrefix(r.Sysctl, "net.") {
		return nil, unix.ENOENT
	}
	return returned(0, lab.Sysctl(r.Sysctl, r.Text))
}
