package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"lastack/harness/lab/sockstat"

	"golang.org/x/sys/unix"
)

// ErrNoSocket is returned by FindSocket when the kernel has no such socket,
// which RFC 9293 calls the state CLOSED.
var ErrNoSocket = errors.New("no such socket")

// Bounds of the pause between two looks of WaitState.
const (
	pollFirst = time.Millisecond
	pollLast  = 20 * time.Millisecond
)

// Socket is one TCP socket as the kernel shows it. A listener has no Remote.
type Socket = sockstat.Socket

// Sockets lists the TCP sockets of the current network namespace, TIME_WAIT
// included. family is unix.AF_INET, unix.AF_INET6 or unix.AF_UNSPEC for both, and
// means the addresses: a connection over IPv4 is AF_INET even if the
// application's socket is an IPv6 one, as a Go listener's is. No privilege is
// needed. The list is no snapshot: a socket that changes meanwhile may be seen
// in the old state or the new one.
func Sockets(family int) ([]Socket, error) {
	return sockets(family, 0, 0)
}

func sockets(family int, localPort, remotePort uint16) ([]Socket, error) {
	if !slices.Contains([]int{unix.AF_UNSPEC, unix.AF_INET, unix.AF_INET6}, family) {
		return nil, fmt.Errorf("lab: address family %d is neither AF_INET, AF_INET6 nor AF_UNSPEC", family)
	}
	var all []Socket
	for _, f := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if f == unix.AF_INET && family == unix.AF_INET6 {
			continue
		}
		got, err := diagRequest{family: f, localPort: localPort, remotePort: remotePort}.dump()
		if err != nil {
			if f == unix.AF_INET6 && errors.Is(err, unix.ENOENT) {
				continue // a kernel without IPv6
			}
			return nil, err
		}
		all = append(all, got...)
	}
	return slices.DeleteFunc(all, func(s Socket) bool {
		return family != unix.AF_UNSPEC && s.Local.Addr().Is4() != (family == unix.AF_INET)
	}), nil
}

// FindSocket returns the socket with exactly these addresses in the current
// network namespace. The zero remote finds the listener at local. Zones of link-local
// addresses are ignored. The error wraps ErrNoSocket when there is none.
func FindSocket(local, remote netip.AddrPort) (Socket, error) {
	local, remote = plain(local), plain(remote)
	found, err := sockets(unix.AF_UNSPEC, local.Port(), remote.Port())
	if err != nil {
		return Socket{}, err
	}
	var best *Socket
	for i, s := range found {
		if s.Local != local || s.Remote != remote {
			continue
		}
		// A new connection that takes over a TIME_WAIT may be seen beside it.
		if best == nil || best.State == "TIME_WAIT" {
			best = &found[i]
		}
	}
	if best == nil {
		return Socket{}, fmt.Errorf("lab: TCP socket %v to %v: %w", local, remote, ErrNoSocket)
	}
	return *best, nil
}

func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// WaitState looks again and again until the socket is in one of the wanted
// states, and returns which. "CLOSED" is wanted by who waits for the socket to
// be gone. When ctx ends first, the error wraps its cause and says the last
// state seen, which is returned too. A state passed through between two looks,
// at most 20 ms apart, goes unseen.
func WaitState(ctx context.Context, local, remote netip.AddrPort, want ...string) (string, error) {
	for _, w := range want {
		if !slices.Contains(sockstat.States(), w) {
			return "", fmt.Errorf("lab: %q is not a TCP state; the states are %s", w, strings.Join(sockstat.States(), ", "))
		}
	}
	if len(want) == 0 {
		return "", errors.New("lab: WaitState needs a state to wait for")
	}
	for pause := pollFirst; ; pause = min(2*pause, pollLast) {
		state, err := currentState(local, remote)
		if err != nil {
			return "", err
		}
		if slices.Contains(want, state) {
			return state, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return state, fmt.Errorf("lab: TCP socket %v to %v is still in %s, waited for %s: %w",
				local, remote, state, strings.Join(want, " or "), context.Cause(ctx))
		}
	}
}

func currentState(local, remote netip.AddrPort) (string, error) {
	s, err := FindSocket(local, remote)
	if errors.Is(err, ErrNoSocket) {
		return "CLOSED", nil
	}
	return s.State, err
}
