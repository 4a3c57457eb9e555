package tun

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// routeTimeout is how long Open waits for the kernel to finish IPv6 addresses. It
// takes the kernel less than a millisecond, on a busy machine a few.
const routeTimeout = 5 * time.Second

// glance is how often Open looks at the routes although nothing was announced:
// the kernel may announce a route before a look-up finds it.
const glance = 20 * time.Millisecond

// routeWatch learns when the routes of IPv6 addresses come.
//
// The kernel acknowledges an IPv6 address before it works: a queued job of the
// kernel installs the local route later, even without duplicate address
// detection. Until then a packet to the address is dropped as not the kernel's
// own.
type routeWatch struct {
	link   *link
	socket *nl.NetlinkSocket // wakes whoever waits for changes of IPv6 routes
}

// watchRoutes must be called before the addresses are added, in the namespace
// of the interface.
func (l *link) watchRoutes() (*routeWatch, error) {
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_IPV6_ROUTE)
	if err != nil {
		return nil, setError("watch IPv6 routes", l.name, err)
	}
	return &routeWatch{link: l, socket: socket}, nil
}

func (w *routeWatch) close() { w.socket.Close() }

// wait returns when the kernel takes packets to a that arrive on the interface.
func (w *routeWatch) wait(a netip.Addr) error {
	limit := unix.NsecToTimeval(glance.Nanoseconds())
	if err := w.socket.SetReceiveTimeout(&limit); err != nil {
		return setError("watch IPv6 routes", w.link.name, err)
	}
	for quiet := time.Duration(0); !w.isLocal(a); {
		if quiet >= routeTimeout {
			return &Error{Op: fmt.Sprintf("add address %v", a), Name: w.link.name,
				Err:  fmt.Errorf("the kernel has no local route for it after %v: %w", routeTimeout, os.ErrDeadlineExceeded),
				Hint: "look at ip -6 rule and ip -6 route show table local"}
		}
		// It does not matter which message came, or was lost: look again.
		switch _, _, err := w.socket.Receive(); {
		case errors.Is(err, unix.EAGAIN):
			quiet += glance
		case err != nil && !errors.Is(err, unix.ENOBUFS):
			return setError("watch IPv6 routes", w.link.name, err)
		}
	}
	return nil
}

// isLocal asks where a packet to a that arrives on the interface would go.
// Without a route the answer is an error, which is no different from elsewhere.
func (w *routeWatch) isLocal(a netip.Addr) bool {
	routes, err := w.link.handle.RouteGetWithOptions(a.AsSlice(), &netlink.RouteGetOptions{IifIndex: w.link.index})
	return err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL
}
