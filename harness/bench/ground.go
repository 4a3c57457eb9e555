package bench

import (
	"context"
	"net/netip"

	"lastack/harness/lab/wire"
)

// linkName is the clients' interface, whatever is behind it.
const linkName = "bench0"

var (
	kernelAddr = netip.MustParsePrefix("10.99.0.1/24")
	serverAddr = netip.MustParseAddr("10.99.0.2")
)

// raise sets a subject up with servers of the kind.
//
//	the lab's namespace                   a second namespace, or this process
//	  clients   10.99.0.1 bench0 ======== 10.99.0.2   servers on ports 7000 to 7015
//
// Whatever is left ends with the process and its lab.
func raise(name string, k kind) (*wire.Wire, error) {
	s, err := find(name)
	if err != nil {
		return nil, err
	}
	c := s.config(k)
	c.Link, c.NearAddr, c.FarAddr = linkName, kernelAddr, serverAddr
	return wire.Raise(context.Background(), c)
}
