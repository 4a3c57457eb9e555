package capture

import (
	"errors"
	"time"
)

// AnyInterface is the name under which OpenLive records all interfaces.
const AnyInterface = "any"

// ErrIdle is what Next of a Live returns when no packet came for LiveConfig.Wake. It may
// be called again.
var ErrIdle = errors.New("no packet came")

// ErrInterfaceGone is what Next of a Live returns when its interface was removed: no packet
// will come any more. It wraps ENETDOWN, which alone means that the interface is down.
var ErrInterfaceGone = errors.New("the interface was removed")

const (
	// defaultSnapLen holds any packet, those included that segmentation
	// offload makes larger than IP's 64 KiB. It is also tcpdump's.
	defaultSnapLen = 256 << 10
	defaultBuffer  = 32 << 20
)

// LiveConfig adjusts a live capture. The zero value captures whole packets.
type LiveConfig struct {
	// SnapLen is how many bytes of each IP packet are kept. 0 means 262144,
	// which is all of any packet.
	SnapLen int
	// Buffer is how many bytes of packets the kernel queues between calls of Next, its
	// own overhead of several hundred bytes a packet included. 0 means 32 MiB. Without
	// CAP_NET_ADMIN outside any user namespace the kernel limits it to net.core.rmem_max;
	// Stats.Buffer is what it granted.
	Buffer int
	// Index is put into Packet.Interface. On AnyInterface the interfaces are
	// counted from it, in the order of Live.Interfaces.
	Index int
	// Filter is the packets to record; nil means all.
	Filter Filter
	// Wake is how long Next waits for a packet before it returns ErrIdle, nearly. 0
	// means for ever.
	Wake time.Duration
}

// Stats counts what became of the packets of a Live.
type Stats struct {
	Delivered uint64 // returned by Next
	NonIP     uint64 // passed over by Next: ARP and the like
	Dropped   uint64 // lost because the buffer was full
	// Unstamped of the packets delivered arrived before the kernel had begun
	// to stamp packets, and carry the Time of the packet before, or of
	// OpenLive. It is 0 if the loopback interface was up for OpenLive; if not,
	// packets of the first millisecond may be among them.
	Unstamped uint64
	// Buffer is the size of the queue in bytes, as the kernel granted it.
	Buffer int
}
