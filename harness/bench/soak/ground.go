package soak

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"lastack/harness/lab"
	"lastack/harness/lab/wire"

	"gvisor.dev/gvisor/pkg/log"
)

// The subjects.
const (
	Kernel  = "kernel"
	GVisor  = "gvisor"
	Lastack = "lastack"
)

// Subjects are all of them.
func Subjects() []string { return []string{Kernel, GVisor, Lastack} }

// linkName is the clients' interface, whatever subject is behind it.
const linkName = "soak0"

var (
	kernelPrefix = netip.MustParsePrefix("10.88.0.1/24")
	hostAddr     = netip.MustParseAddr("10.88.0.2")
)

// raise puts a subject at the far end of the clients' wire, which is otherwise as c
// says. The clients are in the lab's own namespace. Without offload, as a lost
// packet is then one segment with every subject; without keep-alive probes, as
// lastack sends none.
func raise(ctx context.Context, subject string, c wire.Config) (*wire.Wire, error) {
	all := []wire.Subject{wire.Kernel{KeepAlive: -1}, wire.GVisor{}, wire.Lastack{}}
	i := slices.Index(Subjects(), subject)
	if i < 0 {
		return nil, fmt.Errorf("there is no subject %q; there are %v", subject, Subjects())
	}
	// netstack warns of each segment that a listener refuses.
	log.SetTarget(&log.Writer{Next: io.Discard})
	c.Subject, c.Link, c.NearAddr, c.FarAddr = all[i], linkName, kernelPrefix, hostAddr
	return wire.Raise(ctx, c)
}

// live lists the sockets that are stuck if there are any after the load.
func live(at wire.Server) ([]lab.Socket, error) {
	all, err := at.Sockets()
	return slices.DeleteFunc(all, func(s lab.Socket) bool { return !s.Live() }), err
}

// shown is a socket in a report.
func shown(s *lab.Socket) string {
	return fmt.Sprintf("%-12s %s -> %s recv-q %d send-q %d timer %q %v retransmissions %d",
		s.State, s.Local, s.Remote, s.RecvQ, s.SendQ, s.Timer, s.TimerLeft(), s.Retransmissions)
}

// states counts sockets by state.
func states(sockets []lab.Socket) map[string]int {
	count := make(map[string]int)
	for i := range sockets {
		count[sockets[i].State]++
	}
	return count
}
