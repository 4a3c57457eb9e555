package capture

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
	// Buffer is how many bytes of packets the kernel queues while nobody
	// calls Next, its own overhead of several hundred bytes a packet
	// included. 0 means 32 MiB. Without CAP_NET_ADMIN outside any user
	// namespace the kernel limits it to net.core.rmem_max; Stats.Buffer tells
	// what it granted.
	Buffer int
	// Index is put into Packet.Interface.
	Index int
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
