package wire

import (
	"context"
	"net"
	"net/netip"

	"lastack/harness/lab"
	"lastack/stack"
	"lastack/stack/segment"
)

// Lastack is a host of lastack's as a subject. Of its Config the wire fills in the
// device, the address, the rules, their seed and the tap.
type Lastack struct{ Config stack.Config }

// Raise implements Subject. The host is w.Host from then on.
func (l Lastack) Raise(w *Wire) (Server, error) {
	dev, err := w.Device()
	if err != nil {
		return nil, err
	}
	c := l.Config
	c.Device, c.Addrs = dev, []netip.Addr{w.Config.FarAddr}
	c.Impairments, c.Seed, c.Tap = w.Config.Impairments, w.Config.Seed, w.Config.Tap
	h, err := stack.New(c)
	if err != nil {
		return nil, err
	}
	w.AtEnd(h.Close)
	w.Host = h
	return &host{h, w.Config.FarAddr}, nil
}

// host is the side of a host in userspace.
type host struct {
	*stack.Host
	at netip.Addr
}

func (h *host) Addr() netip.Addr             { return h.at }
func (h *host) Do(f func() error) error      { return f() }
func (h *host) Set(name, value string) error { return h.Tunables().Set(name, value) }

func (h *host) Listen(port uint16) (net.Listener, error) {
	return h.Host.Listen("tcp", netip.AddrPortFrom(h.at, port).String())
}

func (h *host) Dial(ctx context.Context, to netip.AddrPort, _ uint16, data []byte) (Conn, error) {
	dial := h.Host.Dial
	if len(data) > 0 {
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return h.DialFastOpen(ctx, network, address, data)
		}
	}
	c, err := dial(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	return c.(*stack.Conn), nil
}

func (h *host) State(local, remote netip.AddrPort) (string, error) {
	return h.Host.State(segment.Tuple{Src: segment.EndpointFrom(local), Dst: segment.EndpointFrom(remote)}), nil
}

// Sockets fails if the host's device has failed.
func (h *host) Sockets() (all []lab.Socket, err error) {
	h.EachSocket(func(s *stack.Socket) bool {
		all = append(all, lab.Socket{
			State: s.State, Local: s.Local, Remote: s.Remote,
			RecvQ: s.RecvQ, SendQ: s.SendQ, Timer: s.Timer, TimerLeftMS: s.TimerLeft.Milliseconds(),
		})
		return true
	})
	return all, h.Err()
}

// Count returns the close path's counts, which cost nothing.
func (h *host) Count() (timeWait, live int, err error) { return h.TimeWaits(), h.Flows(), nil }
