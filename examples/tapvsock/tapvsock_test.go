// Package tapvsock tests the close path under the virtual switch of gvisor-tap-vsock, which
// podman machine has: an Ethernet, whose gateway is a promiscuous netstack that dials the guest
// and takes its connections.
package tapvsock

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"

	"lastack/examples/closing"
	"lastack/stack/closepath"
	"lastack/stack/tunable"

	"github.com/containers/gvisor-tap-vsock/pkg/tap"
	"github.com/containers/gvisor-tap-vsock/pkg/types"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

const (
	gatewayMAC = "5a:94:ef:e4:0c:dd"
	guestMAC   = tcpip.LinkAddress("\x5a\x94\xef\xe4\x0c\xee")
)

var gateway, guest = netip.MustParseAddr("192.168.127.1"), netip.MustParseAddr("192.168.127.2")

// newPair is a gateway, the subject, and a guest behind the switch's protocol for QEMU.
func newPair(t *testing.T, set *tunable.Set) *closing.Pair {
	t.Helper()
	p := &closing.Pair{Wire: &closing.Wire{}, Tunables: set}
	port, err := tap.NewLinkEndpoint(false, 1500, gatewayMAC, gateway.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	sw := tap.NewSwitch(false)
	port.Connect(sw)
	sw.Connect(port)
	host := closing.NewStack(t)
	var link stack.LinkEndpoint = port
	if set != nil {
		link = closepath.ForStack(host, 1, link, closepath.Config{Tunables: set})
	}
	if err := host.CreateNIC(1, link); err != nil {
		t.Fatal(err)
	}
	closing.Up(t, host, gateway)
	_ = host.SetPromiscuousMode(1, true)
	_ = host.SetSpoofing(1, true)
	p.Subject, p.Peer = closing.SideOf(host, gateway, guest), closing.SideOf(newGuest(t, sw, p.Wire), guest, gateway)
	return p
}

// newGuest is a guest's netstack, connected to the switch.
func newGuest(t *testing.T, sw *tap.Switch, wire *closing.Wire) *stack.Stack {
	t.Helper()
	mine, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	served, read := make(chan error, 1), make(chan error, 1)
	go func() { served <- sw.Accept(ctx, theirs, types.QemuProtocol) }()
	nic := channel.New(64, 1500, guestMAC)
	go func() { read <- receive(mine, nic, wire) }()
	t.Cleanup(func() {
		cancel()
		_ = mine.Close()
		<-served
		if err := <-read; !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
	s := closing.NewStack(t)
	if err := s.CreateNIC(1, ethernet.New(nic)); err != nil {
		t.Fatal(err)
	}
	closing.Up(t, s, guest)
	closing.Pump(t, nic, func(frame []byte) {
		wire.See(frame[header.EthernetMinimumSize:], false)
		_, _ = mine.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...))
	})
	return s
}

// receive hands frames from the switch to the guest until the connection ends.
func receive(from io.Reader, to *channel.Endpoint, wire *closing.Wire) error {
	for {
		var size [4]byte
		if _, err := io.ReadFull(from, size[:]); err != nil {
			return err
		}
		frame := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(from, frame); err != nil {
			return err
		}
		wire.See(frame[header.EthernetMinimumSize:], true)
		pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
		to.InjectInbound(0, pkt) // the frame says of which protocol it is
		pkt.DecRef()
	}
}

func TestSwitch(t *testing.T) {
	for name, set := range map[string]*tunable.Set{"with": closing.NewTunables(t), "light": closing.LightTunables(t), "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("passive", func(t *testing.T) { newPair(t, set).Passive(t) })
			t.Run("ports", func(t *testing.T) { newPair(t, set).Ports(t) })
		})
	}
}
