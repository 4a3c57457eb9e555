// Package forward joins two TUN devices through the close path, so that what
// that does to a wire (the impairments) can be done between two hosts that know
// nothing of it: two kernels, say.
//
//	a kernel -- Config.Peer --> closepath --> Config.Host -- another kernel
//	                        <--           <--
//
// The close path is told to leave everything alone but for the impairments: it
// delays no ACK, and answers for nothing that is in TIME_WAIT.
package forward

import (
	"errors"
	"fmt"
	"sync"

	"lastack/stack/closepath"
	"lastack/stack/impair"
	"lastack/stack/link"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	netstack "gvisor.dev/gvisor/pkg/tcpip/stack"
)

// Config says what is joined. Both devices are required; the Forwarder owns them
// from New on.
type Config struct {
	// Host is the device of the side that rules call the host, Peer that of the
	// other.
	Host, Peer link.Device
	// Impairments are the rules, Seed is for the random ones.
	Impairments []impair.Rule
	Seed        uint64
	// Tap sees the segments on the side of Peer.
	Tap closepath.Tap
}

// Forwarder carries packets between two devices until Close.
type Forwarder struct {
	host  *link.Endpoint
	path  *closepath.Endpoint
	peer  *link.Endpoint
	close sync.Once
}

// New begins to forward. On an error both devices are closed.
func New(cfg Config) (*Forwarder, error) {
	if cfg.Host == nil || cfg.Peer == nil {
		return nil, errors.New("forward: Config.Host and Config.Peer are required")
	}
	f := &Forwarder{host: link.New(cfg.Host), peer: link.New(cfg.Peer)}
	set := tunable.NewSet()
	if err := set.SetInt(tunable.DelayedACK, 0); err != nil {
		return nil, errors.Join(err, cfg.Host.Close(), cfg.Peer.Close())
	}
	f.path = closepath.New(f.peer, closepath.Config{
		Tunables: set, Observe: true, Tap: cfg.Tap, Impairments: cfg.Impairments, Seed: cfg.Seed,
	})
	f.path.Attach(toward{func(buf *netstack.PacketBuffer) { write(f.host, buf) }})
	f.host.Attach(toward{func(buf *netstack.PacketBuffer) { write(f.path, buf) }})
	return f, nil
}

// toward hands what an endpoint delivers to another.
type toward struct{ write func(*netstack.PacketBuffer) }

// DeliverNetworkPacket implements stack.NetworkDispatcher.
func (t toward) DeliverNetworkPacket(p tcpip.NetworkProtocolNumber, buf *netstack.PacketBuffer) {
	buf.NetworkProtocolNumber = p
	t.write(buf)
}

// DeliverLinkPacket implements stack.NetworkDispatcher; there are no packet
// sockets here.
func (toward) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *netstack.PacketBuffer) {}

// write sends one packet. A failed write is a lost packet, from which the hosts recover;
// a device that failed for good shows in Err.
func write(to netstack.LinkWriter, buf *netstack.PacketBuffer) {
	var l netstack.PacketBufferList
	l.PushBack(buf)
	_, _ = to.WritePackets(l)
}

// Err is why a device failed; nil while both work and after Close.
func (f *Forwarder) Err() error {
	for _, e := range []*link.Endpoint{f.peer, f.host} {
		if err := e.Err(); err != nil {
			return fmt.Errorf("forward: %w", err)
		}
	}
	return nil
}

// Close ends forwarding and closes both devices.
func (f *Forwarder) Close() error {
	f.close.Do(func() {
		f.host.Close()
		f.path.Close() // and the peer's device
		f.host.Wait()
		f.path.Wait()
	})
	return f.Err()
}
