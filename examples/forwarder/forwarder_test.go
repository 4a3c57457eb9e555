package forwarder

import (
	"net"
	"net/netip"
	"testing"

	"lastack/examples/closing"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

var (
	peer     = netip.MustParseAddr("10.0.0.1")
	anywhere = netip.MustParseAddr("192.0.2.7") // an address that the gateway does not have
)

// taken is what the gateway took, as a listener.
type taken chan net.Conn

func (c taken) Accept() (net.Conn, error) { return <-c, nil }
func (taken) Close() error                { return nil }
func (taken) Addr() net.Addr              { return nil }

func newPair(t *testing.T, set *tunable.Set) *closing.Pair {
	p := &closing.Pair{Wire: &closing.Wire{}, Tunables: set}
	a, b := channel.New(64, 1500, ""), channel.New(64, 1500, "")
	gateway, client := closing.NewStack(t), closing.NewStack(t)
	conns := make(taken, 8)
	if err := Attach(gateway, a, set, func(c net.Conn) { conns <- c }); err != nil {
		t.Fatal(err)
	}
	closing.Up(t, gateway, netip.MustParseAddr("10.0.0.2"))
	if err := client.CreateNIC(1, b); err != nil {
		t.Fatal(err)
	}
	closing.Up(t, client, peer)
	closing.Pump(t, a, func(packet []byte) { p.Wire.See(packet, true); inject(b, packet) })
	closing.Pump(t, b, func(packet []byte) { p.Wire.See(packet, false); inject(a, packet) })
	p.Peer = closing.SideOf(client, peer, anywhere)
	p.Subject.Listen = func() (net.Listener, error) { return conns, nil }
	return p
}

func inject(to *channel.Endpoint, packet []byte) {
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet)})
	to.InjectInbound(header.IPv4ProtocolNumber, pkt)
	pkt.DecRef()
}

func TestForwarder(t *testing.T) {
	for name, set := range map[string]*tunable.Set{"with": closing.NewTunables(t), "light": closing.LightTunables(t), "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Run("passive", func(t *testing.T) { newPair(t, set).Passive(t) })
			t.Run("reopens", func(t *testing.T) { newPair(t, set).Reopens(t) })
		})
	}
}
