//go:build adopted

// Package netstack is wireguard-go's tun/netstack with one line changed; see the test in
// the folder above, without which there is nothing here.
package netstack

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"lastack/examples/closing"
	"lastack/stack/closepath"
	"lastack/stack/tunable"

	"golang.zx2c4.com/wireguard/tun"
	_ "golang.zx2c4.com/wireguard/tun/netstack" // which the copy is made of
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

var subject, peer = netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1")

// newPair is two hosts whose devices are connected, where there would be a tunnel.
func newPair(t *testing.T, set *tunable.Set) *closing.Pair {
	p := &closing.Pair{Wire: &closing.Wire{}, Tunables: set}
	a, hostA := open(t, subject, set)
	b, hostB := open(t, peer, nil)
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	go carry(a, b, func(packet []byte) { p.Wire.See(packet, true) })
	go carry(b, a, func(packet []byte) { p.Wire.See(packet, false) })
	p.Subject, p.Peer = side(hostA, subject, peer), side(hostB, peer, subject)
	return p
}

func open(t *testing.T, addr netip.Addr, set *tunable.Set) (tun.Device, *Net) {
	t.Helper()
	Wrap = func(s *stack.Stack, link stack.LinkEndpoint) stack.LinkEndpoint {
		if err := s.SetPortRange(closing.Ephemeral, closing.Ephemeral); err != nil {
			t.Error(err)
		}
		if set == nil {
			return link
		}
		return closepath.ForStack(s, 1, link, closepath.Config{Tunables: set})
	}
	dev, host, err := CreateNetTUN([]netip.Addr{addr}, nil, 1420)
	if err != nil {
		t.Fatal(err)
	}
	return dev, host
}

// carry takes packets from one device to the other until one is closed.
func carry(from, to tun.Device, see func([]byte)) {
	bufs, sizes := [][]byte{make([]byte, 1<<16)}, make([]int, 1)
	for {
		if _, err := from.Read(bufs, sizes, 0); err != nil {
			return
		}
		packet := bufs[0][:sizes[0]]
		see(packet)
		if _, err := to.Write([][]byte{packet}, 0); err != nil {
			return
		}
	}
}

func side(n *Net, own, other netip.Addr) closing.Side {
	return closing.Side{
		Listen: func() (net.Listener, error) { return n.ListenTCPAddrPort(netip.AddrPortFrom(own, closing.Port)) },
		Dial: func(ctx context.Context) (net.Conn, error) {
			c, err := n.DialContextTCPAddrPort(ctx, netip.AddrPortFrom(other, closing.Port))
			if err != nil {
				return nil, err
			}
			return c, nil
		},
	}
}

func TestNetTUN(t *testing.T) {
	for name, set := range map[string]*tunable.Set{"with": closing.NewTunables(t), "light": closing.LightTunables(t), "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Run("passive", func(t *testing.T) { newPair(t, set).Passive(t) })
			t.Run("ports", func(t *testing.T) { newPair(t, set).Ports(t) })
		})
	}
}
