package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// receiveBuffer holds what the kernel puts into one message of a dump, 32 KiB, twice.
	receiveBuffer = 64 << 10
	// receivePatience is after how long without an answer a context is looked at.
	receivePatience = 200 * time.Millisecond
	// paceEvery sockets a dump for EachSocket pauses for pacePause, so that a machine with
	// very many does not give a processor to it for long.
	paceEvery = 8192
	pacePause = time.Millisecond
)

const (
	netlinkHeader   = 16
	dumpInterrupted = 0x10 // NLM_F_DUMP_INTR
)

// errInterrupted is what a dump ends with whose list changed so that it may have holes.
var errInterrupted = errors.New("the list changed while it was read")

// EachSocket calls f with every TCP socket of the current network namespace, listeners
// first, without keeping any: its memory does not grow with their number. The Socket is
// valid during the call alone. It pauses for a millisecond after some thousand sockets, and
// gives up when ctx ends, with the context's cause. As with Sockets the list is no snapshot.
func EachSocket(ctx context.Context, f func(*Socket)) error {
	for _, states := range []uint32{listening, everyState &^ listening} {
		for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
			err := eachOf(ctx, diagRequest{family: family, states: states}, f)
			if family == unix.AF_INET6 && errors.Is(err, unix.ENOENT) {
				continue // a kernel without IPv6
			}
			if err != nil {
				return fmt.Errorf("lab: asking inet_diag for TCP sockets: %w", err)
			}
		}
	}
	return nil
}

func eachOf(ctx context.Context, r diagRequest, f func(*Socket)) error {
	n := 0
	return r.each(ctx, func(s *Socket) error {
		f(s)
		if n++; n%paceEvery != 0 {
			return nil
		}
		pause := time.NewTimer(pacePause)
		defer pause.Stop()
		select {
		case <-pause.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

// each streams the answer to the request. An error of f ends it.
func (r diagRequest) each(ctx context.Context, f func(*Socket) error) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_INET_DIAG)
	if err != nil {
		return fmt.Errorf("opening a netlink socket: %w", err)
	}
	defer unix.Close(fd)
	patience := unix.NsecToTimeval(receivePatience.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		return fmt.Errorf("setting a netlink socket's timeout: %w", err)
	}
	if err := unix.Sendto(fd, r.message(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buf := make([]byte, receiveBuffer)
	var s Socket // one for all: a dump may have very many
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, from, err := unix.Recvfrom(fd, buf, 0)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		if k, ok := from.(*unix.SockaddrNetlink); !ok || k.Pid != 0 {
			continue // not the kernel's
		}
		if done, err := eachMessage(buf[:n], &s, f); done || err != nil {
			return err
		}
	}
}

// message is the request with its struct nlmsghdr.
func (r diagRequest) message() []byte {
	b := make([]byte, netlinkHeader, netlinkHeader+diagRequestSize)
	binary.NativeEndian.PutUint32(b, netlinkHeader+diagRequestSize)
	binary.NativeEndian.PutUint16(b[4:], unix.SOCK_DIAG_BY_FAMILY)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	return append(b, r.Serialize()...)
}

// eachMessage goes through the messages of one read, with s for each socket; done is that
// the dump ended.
func eachMessage(b []byte, s *Socket, f func(*Socket) error) (done bool, err error) {
	for len(b) >= netlinkHeader {
		size := int(binary.NativeEndian.Uint32(b))
		if size < netlinkHeader || size > len(b) {
			return false, fmt.Errorf("a netlink message of %d bytes in %d", size, len(b))
		}
		body := b[netlinkHeader:size]
		if binary.NativeEndian.Uint16(b[6:])&dumpInterrupted != 0 {
			return false, errInterrupted
		}
		switch binary.NativeEndian.Uint16(b[4:]) {
		case unix.NLMSG_DONE:
			return true, ended(body)
		case unix.NLMSG_ERROR:
			return true, errors.Join(ended(body), errors.New("the kernel refused a dump"))
		case unix.SOCK_DIAG_BY_FAMILY:
			if *s, err = parseSocket(body); err == nil {
				err = f(s)
			}
			if err != nil {
				return false, err
			}
		}
		b = b[min((size+3)&^3, len(b)):]
	}
	return false, nil
}

// ended is the error, negative, that the last message of a dump carries.
func ended(body []byte) error {
	if len(body) < 4 {
		return nil
	}
	if n := int32(binary.NativeEndian.Uint32(body)); n < 0 {
		return unix.Errno(-n)
	}
	return nil
}
