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
		g.packets = float64(n.RxPackets + n.TxPackets)
	}
	g.resets, err = resets()
	return g, err
}

func (g gauges) since(before gauges) gauges {
	return gauges{cpu: g.cpu - before.cpu, packets: g.packets - before.packets, resets: g.resets - before.resets}
}

// heap is what this process keeps in memory for its connections: the heap's live
// objects, and the stacks of goroutines.
func heap() float64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools let go of in the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
