package bench

import (
	"fmt"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// gauges is what the host's process can read off around the clients' work.
type gauges struct {
	cpu     time.Duration // of this process
	packets float64       // over the clients' link, in both directions
	lost    float64       // packets for the subject that found the clients' link's queue full
	resets  float64       // connections that the clients' kernel saw reset, or reset
}

func gauge() (gauges, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return gauges{}, fmt.Errorf("bench: reading the processor time: %w", err)
	}
	g := gauges{cpu: time.Duration(u.Utime.Nano() + u.Stime.Nano())}
	l, err := netlink.LinkByName(linkName)
	if err != nil {
		return gauges{}, fmt.Errorf("bench: reading the counters of %s: %w", linkName, err)
	}
	if n := l.Attrs().Statistics; n != nil {
		g.packets, g.lost = float64(n.RxPackets+n.TxPackets), float64(n.TxDropped)
	}
	g.resets, err = resets()
	return g, err
}

func (g gauges) since(before gauges) gauges {
	return gauges{
		cpu: g.cpu - before.cpu, packets: g.packets - before.packets,
		lost: g.lost - before.lost, resets: g.resets - before.resets,
	}
}

// reading is what the host's process finds out about itself at a pause of the clients.
type reading struct {
	// heap is what it keeps in memory for its connections, in bytes: live objects,
	// and the stacks of goroutines.
	heap float64
	// collection is how long a whole garbage collection takes.
	collection time.Duration
	// timeWaits is how many connections are in TIME_WAIT, 0 if the subject does not say.
	timeWaits int
}

// read asks timeWaits for their number, unless it is nil.
func read(timeWaits func() int) reading {
	runtime.GC()
	begin := time.Now()
	runtime.GC() // what finalizers and pools let go of in the first
	r := reading{collection: time.Since(begin)}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.heap = float64(m.HeapAlloc + m.StackInuse)
	if timeWaits != nil {
		r.timeWaits = timeWaits()
	}
	return r
}
