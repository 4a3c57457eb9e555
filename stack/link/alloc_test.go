//go:build !race

// The race detector empties pools at random, so that nothing can be counted with it.

package link

import (
	"runtime/debug"
	"testing"

	"lastack/tun"
	"lastack/tun/tuntest"
	"lastack/tun/vnet"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// blank is netstack's place, and keeps nothing.
type blank struct{}

func (blank) DeliverNetworkPacket(tcpip.NetworkProtocolNumber, *netstack.PacketBuffer) {}
func (blank) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *netstack.PacketBuffer)    {}

// eachDevice runs f on an endpoint without and on one with offload.
func eachDevice(t *testing.T, f func(t *testing.T, e *Endpoint, far tun.Device, largest int)) {
	run := func(name string, dev, far tun.Device, largest int) {
		t.Run(name, func(t *testing.T) {
			e := New(dev)
			e.Attach(blank{})
			defer func() { e.Close(); e.Wait() }()
			f(t, e, far, largest)
		})
	}
	dev, far := tuntest.Pair(1500)
	run("plain", dev, far, 1448)
	large, largeFar := tuntest.OffloadPair(1500)
	run("offload", large, largeFar, 64000)
}

// exactly is testing.AllocsPerRun while no collection empties the pools from
// which packets come.
func exactly(runs int, f func()) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	return testing.AllocsPerRun(runs, f)
}

// Of a packet that comes in, netstack's packet buffers allocate nothing, and
// neither may the endpoint.
func TestDeliverAllocatesNothing(t *testing.T) {
	eachDevice(t, func(t *testing.T, e *Endpoint, _ tun.Device, largest int) {
		for _, data := range []int{0, 64, largest} {
			p, h := tcpPacket(false, data), &vnet.Header{NeedsChecksum: true}
			bare := exactly(100, func() {
				v := buffer.NewViewWithData(p)
				netstack.NewPacketBuffer(netstack.PacketBufferOptions{Payload: buffer.MakeWithView(v)}).DecRef()
			})
			if n := exactly(100, func() { e.deliver(buffer.NewViewWithData(p), h) }); n > bare {
				t.Errorf("delivering a packet with %d bytes of data allocates %v times, netstack's buffers alone %v times", data, n, bare)
			}
		}
	})
}

func TestWriteAllocatesNothing(t *testing.T) {
	eachDevice(t, func(t *testing.T, e *Endpoint, far tun.Device, largest int) {
		for _, c := range []struct{ data, views int }{{0, 0}, {64, 1}, {largest, 2}, {largest, 40}} {
			pkt := largePacket(false, c.data, c.views)
			var l netstack.PacketBufferList
			l.PushBack(pkt)
			b := make([]byte, 65535)
			write := func() {
				if _, err := e.WritePackets(l); err != nil {
					t.Error(err)
				}
				if _, err := far.Read(b); err != nil {
					t.Error(err)
				}
			}
			for range tuntest.QueueLen { // a queue may grow until each of its places was used
				write()
			}
			if n := exactly(100, write); n != 0 {
				t.Errorf("writing %d bytes of data in %d pieces allocates %v times", c.data, c.views, n)
			}
			l.DecRef()
		}
	})
}
