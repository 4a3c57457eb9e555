// Package probe is a TCP peer made of single segments: it sends what it is told,
// right or wrong, and shows what comes back. The host under test may be lastack
// on a TUN or a kernel across a veth; it sees a neighbour like any other.
//
//	probe --raw socket--> interface --> the subject
//	      <-packet socket-- interface <--
//
// The probe's address is one that no kernel has, so that nobody else answers
// for it, least of all with the RST that a kernel sends for a segment of a
// connection it knows nothing of. The subject must be able to reach the address
// through the interface: on a TUN everything does, on a veth the other end needs
// a neighbour entry (see Neighbour).
//
//	p, err := probe.Open("lastack0", netip.MustParseAddr("10.77.0.9"))
//	c := p.Conn(40000, netip.MustParseAddrPort("10.77.0.2:8001"))
//	err = c.Connect(ctx)
//	err = c.Send(c.Next(segment.FIN|segment.ACK), nil)
//	s, err := c.Receive(ctx)
//
// It needs CAP_NET_RAW, and belongs into a lab.
package probe
