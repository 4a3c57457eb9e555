package link

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"lastack/stack/segment"
	"lastack/tun"
	"lastack/tun/tuntest"
	"lastack/tun/vnet"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// sink is netstack's place: it tells of each packet.
type sink struct {
	got chan string
}

func (s sink) DeliverNetworkPacket(p tcpip.NetworkProtocolNumber, pkt *netstack.PacketBuffer) {
	v := pkt.ToView()
	defer v.Release()
	family := map[tcpip.NetworkProtocolNumber]string{header.IPv4ProtocolNumber: "4:", header.IPv6ProtocolNumber: "6:"}[p]
	s.got <- family + string(v.AsSlice())
}

func (s sink) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *netstack.PacketBuffer) {}

func attached(t *testing.T) (*Endpoint, tun.Device) {
	t.Helper()
	dev, far := tuntest.Pair(1500)
	e := New(dev)
	e.Attach(sink{make(chan string, 16)})
	t.Cleanup(func() { e.Close(); e.Wait() })
	return e, far
}

// feed is a device that brings what the test says.
type feed struct {
	tun.Device
	packets chan string
}

func (f feed) Read(p []byte) (int, error) {
	s, ok := <-f.packets
	if !ok {
		return 0, os.ErrClosed
	}
	return copy(p, s), nil
}

func TestDelivers(t *testing.T) {
	dev, _ := tuntest.Pair(1500)
	f := feed{dev, make(chan string, 16)}
	s := sink{make(chan string, 16)}
	e := New(f)
	large := "E" + strings.Repeat("x", 1400)
	for _, packet := range []string{"E short", "\x60 six", "\x10 no IP", "", large, "E after the large one"} {
		f.packets <- packet
	}
	close(f.packets)
	e.Attach(s)
	e.Wait()
	e.Close()
	for _, want := range []string{"4:E short", "6:\x60 six", "4:" + large, "4:E after the large one"} {
		if got := <-s.got; got != want {
			t.Errorf("delivered %.20q (%d bytes), want %.20q", got, len(got), want)
		}
	}
}

func TestWritesOnePacketEach(t *testing.T) {
	e, far := attached(t)
	var l netstack.PacketBufferList
	one := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buffer.MakeWithData([]byte("Ein one piece"))})
	body := buffer.MakeWithData([]byte("in "))
	more := buffer.MakeWithData([]byte("three"))
	body.Merge(&more)
	// As netstack builds them: reserved room in front, only part of it used.
	split := netstack.NewPacketBuffer(netstack.PacketBufferOptions{ReserveHeaderBytes: 60, Payload: body})
	copy(split.TransportHeader().Push(6), "Ehead ")
	l.PushBack(one)
	l.PushBack(split)
	if n, err := e.WritePackets(l); n != 2 || err != nil {
		t.Fatalf("WritePackets: %d, %v", n, err)
	}
	l.DecRef()
	b := make([]byte, 1500)
	for _, want := range []string{"Ein one piece", "Ehead in three"} {
		n, err := far.Read(b)
		if err != nil || string(b[:n]) != want {
			t.Errorf("read %q, %v; want %q", b[:n], err, want)
		}
	}
}

func TestCloseEndsTheReader(t *testing.T) {
	e, _ := attached(t)
	e.Close()
	e.Wait()
	<-e.Done()
	if e.Err() != nil {
		t.Errorf("Err after Close: %v", e.Err())
	}
	var l netstack.PacketBufferList
	l.PushBack(netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buffer.MakeWithData([]byte("late"))}))
	defer l.DecRef()
	if _, err := e.WritePackets(l); err == nil {
		t.Error("a write after Close succeeded")
	}
	e.Close() // twice
}

func TestCloseBeforeAttach(t *testing.T) {
	dev, _ := tuntest.Pair(1500)
	e := New(dev)
	ran := false
	e.SetOnCloseAction(func() { ran = true })
	e.Close()
	e.Wait()
	<-e.Done()
	e.Attach(sink{})
	if !ran {
		t.Error("the close action did not run")
	}
}

// broken fails as a TUN does whose interface was deleted.
type broken struct{ tun.Device }

func (broken) Read([]byte) (int, error) { return 0, os.ErrInvalid }

func TestDeviceFailureIsReported(t *testing.T) {
	dev, _ := tuntest.Pair(1500)
	e := New(broken{dev})
	e.Attach(sink{})
	<-e.Done()
	if !errors.Is(e.Err(), os.ErrInvalid) {
		t.Errorf("Err: %v", e.Err())
	}
	e.Close()
}

// FuzzDeliver feeds netstack whatever a TUN might bring: nothing may crash it
// or be kept.
func FuzzDeliver(f *testing.F) {
	host := netip.MustParseAddrPort("10.0.0.2:80")
	peer := netip.MustParseAddrPort("10.0.0.1:1")
	s := segment.Segment{
		Tuple:   segment.Tuple{Src: segment.EndpointFrom(peer), Dst: segment.EndpointFrom(host)},
		Version: 4, Flags: segment.SYN, Options: segment.Options{MSS: 1460, HasTimestamps: true},
	}
	f.Add(segment.Append(nil, &s, nil))
	f.Add([]byte{0x45, 0, 0, 28, 0, 0, 0x20, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 8, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0x60})
	dev, _ := tuntest.Pair(1500)
	e := New(dev)
	st := netstack.New(netstack.Options{
		NetworkProtocols:   []netstack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []netstack.TransportProtocolFactory{tcp.NewProtocol},
	})
	if err := st.CreateNIC(1, e); err != nil {
		f.Fatal(err)
	}
	for _, a := range []tcpip.ProtocolAddress{
		{Protocol: header.IPv4ProtocolNumber, AddressWithPrefix: tcpip.AddrFrom4([4]byte{10, 0, 0, 2}).WithPrefix()},
		{Protocol: header.IPv6ProtocolNumber, AddressWithPrefix: tcpip.AddrFrom16([16]byte{0: 0xfd, 15: 2}).WithPrefix()},
	} {
		if err := st.AddProtocolAddress(1, a, netstack.AddressProperties{}); err != nil {
			f.Fatal(err)
		}
	}
	f.Cleanup(func() { e.Close(); e.Wait(); st.Destroy() })
	f.Fuzz(func(t *testing.T, packet []byte) {
		if len(packet) > 1500 {
			packet = packet[:1500]
		}
		if len(packet) == 0 {
			return // a TUN brings no empty packet
		}
		e.deliver(buffer.NewViewWithData(packet), &vnet.Header{})
	})
}
