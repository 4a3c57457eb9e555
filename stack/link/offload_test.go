package link

import (
	"bytes"
	"net/netip"
	"testing"

	"lastack/stack/segment"
	"lastack/tun"
	"lastack/tun/tuntest"
	"lastack/tun/vnet"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// tcpPacket is a segment with that much data.
func tcpPacket(v6 bool, data int) []byte {
	src, dst, version := "10.0.0.1:1", "10.0.0.2:80", uint8(4)
	if v6 {
		src, dst, version = "[fd00::1]:1", "[fd00::2]:80", 6
	}
	s := segment.Segment{
		Tuple: segment.Tuple{
			Src: segment.EndpointFrom(netip.MustParseAddrPort(src)),
			Dst: segment.EndpointFrom(netip.MustParseAddrPort(dst)),
		},
		Version: version, Flags: segment.ACK,
	}
	return segment.Append(nil, &s, bytes.Repeat([]byte("lastack "), data/8))
}

func offloaded(t *testing.T, s sink) (*Endpoint, tun.OffloadDevice) {
	t.Helper()
	dev, far := tuntest.OffloadPair(1500)
	e := New(dev)
	e.Attach(s)
	t.Cleanup(func() { e.Close(); e.Wait() })
	return e, far
}

func TestOffloadIsTold(t *testing.T) {
	e, _ := offloaded(t, sink{})
	if e.SupportedGSO() != netstack.HostGSOSupported || e.GSOMaxSize() != 65535 || e.MTU() != 1500 ||
		e.Capabilities() != netstack.CapabilityRXChecksumOffload {
		t.Errorf("GSO %v of %d, MTU %d, capabilities %v", e.SupportedGSO(), e.GSOMaxSize(), e.MTU(), e.Capabilities())
	}
	dev, _ := tuntest.Pair(1500) // could have offload, and has none
	plain := New(dev)
	defer plain.Close()
	if plain.SupportedGSO() != netstack.GSONotSupported || plain.Capabilities() != netstack.CapabilityNone {
		t.Errorf("without offload: GSO %v, capabilities %v", plain.SupportedGSO(), plain.Capabilities())
	}
}

// What the kernel vouches for is delivered as it is; the rest is verified.
func TestOffloadDelivers(t *testing.T) {
	spoiled := func(v6 bool, at int) []byte {
		p := tcpPacket(v6, 1000)
		p[at] ^= 1
		return p
	}
	for name, c := range map[string]struct {
		h      vnet.Header
		packet []byte
		passes bool
	}{
		"large":                            {vnet.Header{NeedsChecksum: true, GSO: vnet.TCP4, SegmentSize: 1460}, tcpPacket(false, 65480), true},
		"large v6":                         {vnet.Header{NeedsChecksum: true, GSO: vnet.TCP6, SegmentSize: 1440}, tcpPacket(true, 60000), true},
		"sound":                            {vnet.Header{}, tcpPacket(false, 1000), true},
		"sound v6":                         {vnet.Header{}, tcpPacket(true, 1000), true},
		"data spoiled":                     {vnet.Header{}, spoiled(false, 900), false},
		"data spoiled v6":                  {vnet.Header{}, spoiled(true, 900), false},
		"IP header spoiled":                {vnet.Header{}, spoiled(false, 8), false},
		"found right by the kernel":        {vnet.Header{ChecksumValid: true}, spoiled(false, 900), true},
		"checksum left to be done":         {vnet.Header{NeedsChecksum: true, ChecksumStart: 20, ChecksumOffset: 16}, spoiled(false, 900), true},
		"not TCP":                          {vnet.Header{}, append([]byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1}, make([]byte, 18)...), true},
		"no packet that could be verified": {vnet.Header{}, []byte("E short"), true},
	} {
		t.Run(name, func(t *testing.T) {
			s := sink{make(chan string, 4)}
			_, far := offloaded(t, s)
			end := tcpPacket(false, 8) // comes in any case
			for _, p := range []struct {
				h *vnet.Header
				b []byte
			}{{&c.h, c.packet}, {new(vnet.Header), end}} {
				if _, err := far.WriteOffload(p.h, [][]byte{p.b}); err != nil {
					t.Fatal(err)
				}
			}
			first := (<-s.got)[2:]
			if passed := first == string(c.packet); passed != c.passes {
				t.Errorf("delivered %d bytes of %d, want it delivered: %v", len(first), len(c.packet), c.passes)
			}
		})
	}
}

// largePacket is as netstack sends it: headers in front, the data in views.
func largePacket(v6 bool, data, views int) *netstack.PacketBuffer {
	b := tcpPacket(v6, data)
	head := len(b) - data
	body := buffer.Buffer{}
	for i := range views {
		piece := buffer.MakeWithData(b[head+i*data/views : head+(i+1)*data/views])
		body.Merge(&piece)
	}
	pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{ReserveHeaderBytes: 80, Payload: body})
	copy(pkt.TransportHeader().Push(20), b[head-20:head])
	copy(pkt.NetworkHeader().Push(head-20), b[:head-20])
	pkt.GSOOptions = netstack.GSO{
		Type: netstack.GSOTCPv4, NeedsCsum: true, CsumOffset: header.TCPChecksumOffset,
		MSS: 1460, L3HdrLen: header.IPv4MinimumSize, MaxSize: 65535,
	}
	if v6 {
		pkt.GSOOptions.Type, pkt.GSOOptions.L3HdrLen, pkt.GSOOptions.MSS = netstack.GSOTCPv6, header.IPv6MinimumSize, 1440
	}
	return pkt
}

func TestOffloadWrites(t *testing.T) {
	partial4 := vnet.Header{NeedsChecksum: true, ChecksumStart: 20, ChecksumOffset: 16}
	large4, large6 := partial4, partial4
	large4.GSO, large4.SegmentSize, large4.HeaderLen = vnet.TCP4, 1460, 40
	large6.GSO, large6.SegmentSize, large6.HeaderLen, large6.ChecksumStart = vnet.TCP6, 1440, 60, 40
	for name, c := range map[string]struct {
		v6          bool
		data, views int
		want        vnet.Header
	}{
		"large":               {false, 64000, 2, large4},
		"large v6":            {true, 64000, 2, large6},
		"in many pieces":      {false, 64000, 64, large4},
		"one segment":         {false, 1456, 1, partial4},
		"one byte and header": {false, 8, 1, partial4},
		"no data":             {false, 0, 0, partial4},
	} {
		t.Run(name, func(t *testing.T) {
			e, far := offloaded(t, sink{})
			pkt := largePacket(c.v6, c.data, c.views)
			writeOne(t, e, pkt)
			pkt.DecRef()
			var h vnet.Header
			b := make([]byte, 65535)
			n, err := far.ReadOffload(&h, b)
			if want := tcpPacket(c.v6, c.data); err != nil || !bytes.Equal(b[:n], want) {
				t.Errorf("read %d bytes, %v; want %d", n, err, len(want))
			}
			if h != c.want {
				t.Errorf("header %+v, want %+v", h, c.want)
			}
		})
	}
}

func writeOne(t testing.TB, e *Endpoint, pkt *netstack.PacketBuffer) {
	var l netstack.PacketBufferList
	l.PushBack(pkt.IncRef())
	if n, err := e.WritePackets(l); n != 1 || err != nil {
		t.Fatalf("WritePackets: %d, %v", n, err)
	}
	l.DecRef()
}

// A packet that is forwarded goes out with the header that it came in with.
func TestOffloadForwards(t *testing.T) {
	out, far := offloaded(t, sink{})
	for _, h := range []vnet.Header{
		{},
		{NeedsChecksum: true, ChecksumStart: 20, ChecksumOffset: 16},
		{NeedsChecksum: true, ChecksumStart: 20, ChecksumOffset: 16, GSO: vnet.TCP4, SegmentSize: 1460, HeaderLen: 40},
	} {
		p := tcpPacket(false, 16000)
		pkt := netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buffer.MakeWithData(p)})
		pkt.GSOOptions = optionsOf(&h)
		writeOne(t, out, pkt)
		pkt.DecRef()
		var got vnet.Header
		if _, err := far.ReadOffload(&got, make([]byte, 65535)); err != nil || got != h {
			t.Errorf("went out with %+v, %v; want %+v", got, err, h)
		}
	}
}

// TestHeadersApart: netstack may copy the buffer that the headers are in, which then
// has to be a small one.
func TestHeadersApart(t *testing.T) {
	for _, data := range []int{0, 64, 300, 64000} {
		p := tcpPacket(false, data)
		b := split(buffer.NewViewWithData(p))
		if got := b.Flatten(); string(got) != string(p) {
			t.Errorf("%d bytes of data came out as %d bytes, want %d", data, len(got), len(p))
		}
		views := b.AsViewList()
		if front := views.Front(); front.Capacity() > 2*smallPacket || front.Size() < min(len(p), headerRoom) {
			t.Errorf("%d bytes of data: the headers have %d bytes in a buffer of %d", data, front.Size(), front.Capacity())
		}
		b.Release()
	}
}
