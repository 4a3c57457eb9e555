package kernelcalls

import (
	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/helper"

	"golang.org/x/sys/unix"
)

func poll(r *helper.Request) (*helper.Response, error) {
	fds := make([]unix.PollFd, len(r.Poll))
	for i, p := range r.Poll {
		fds[i] = unix.PollFd{Fd: int32(p.FD), Events: int16(p.Events)}
	}
	var n int
	err := again(func() (err error) {
		n, err = unix.Poll(fds, r.Timeout)
		return err
	})
	res, err := returned(n, err)
	if err != nil {
		return nil, err
	}
	for i, p := range r.Poll {
		p.Returned = int(uint16(fds[i].Revents))
		res.Poll = append(res.Poll, p)
	}
	return res, nil
}

func epollCtl(r *helper.Request) (*helper.Response, error) {
	if len(r.Poll) != 1 {
		return nil, unix.EINVAL
	}
	p := r.Poll[0]
	e := unix.EpollEvent{Events: uint32(p.Events), Fd: int32(p.Data), Pad: int32(p.Data >> 32)}
	return returned(0, unix.EpollCtl(r.FD, r.Command, p.FD, &e))
}

// mostEvents is how many events one epoll_wait returns.
const mostEvents = 1 << 10

func epollWait(r *helper.Request) (*helper.Response, error) {
	if r.Count <= 0 {
		return nil, unix.EINVAL
	}
	events := make([]unix.EpollEvent, min(r.Count, mostEvents))
	var n int
	err := again(func() (err error) {
		n, err = unix.EpollWait(r.FD, events, r.Timeout)
		return err
	})
	res, err := returned(n, err)
	if err != nil {
		return nil, err
	}
	for _, e := range events[:n] {
		res.Poll = append(res.Poll, packetdrill.PollItem{Returned: int(e.Events), Data: int64(uint32(e.Fd)) | int64(e.Pad)<<32})
	}
	return res, nil
}
