package explain

import (
	"net/netip"

	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// roles says which end of a connection is the server where the capture does not have the
// handshake: an end that a SYN of another connection went to, an end that more
// connections share than the other's, and only then what the port's number tells,
// which the Table goes by. What is said once of an end holds for all its connections;
// what is counted goes by the whole capture.
type roles struct {
	syns   map[segment.Endpoint]struct{}
	shares map[segment.Endpoint]int // connections without handshake
	ports  map[uint16]int           // likewise
	said   map[segment.Endpoint]bool
	full   bool // a bound was met
	mute   bool // whoever asks only looks: nothing is decided by it
}

// maxRoles bounds what is kept of ends.
const maxRoles = 65_536

// see takes in every connection, which began with a SYN or not.
func (r *roles) see(client, server segment.Endpoint, syn bool) {
	r.make()
	if syn {
		r.addSYN(server)
		return
	}
	for _, end := range [2]segment.Endpoint{client, server} {
		r.addShares(end, 1)
		r.ports[end.Port]++
	}
}

func (r *roles) make() {
	if r.syns == nil {
		r.syns, r.shares = map[segment.Endpoint]struct{}{}, map[segment.Endpoint]int{}
		r.said, r.ports = map[segment.Endpoint]bool{}, map[uint16]int{}
	}
}

func (r *roles) addSYN(server segment.Endpoint) {
	if _, known := r.syns[server]; known {
		return
	}
	if len(r.syns) >= maxRoles {
		r.full = true
		return
	}
	r.syns[server] = struct{}{}
}

func (r *roles) addShares(end segment.Endpoint, n int) {
	old, known := r.shares[end]
	if !known && len(r.shares) >= maxRoles {
		r.full = true
		return
	}
	r.shares[end] = old + n
}

// swapped reports whether the server of a connection is what the Table took for the
// client, by what was seen so far.
func (r *roles) swapped(c *teardown.Conn, client, server netip.AddrPort) bool {
	if c.Certain() {
		return false
	}
	a, b := segment.EndpointFrom(client), segment.EndpointFrom(server)
	if saidA, saidB := r.said[a], r.said[b]; saidA != saidB && !r.differ(a, b) {
		return saidA
	}
	if r.serves(client, server) {
		r.say(a, b)
		return true
	}
	r.say(b, a)
	return false
}

// differ reports whether a SYN tells two ends apart.
func (r *roles) differ(a, b segment.Endpoint) bool {
	_, synA := r.syns[a]
	_, synB := r.syns[b]
	return synA != synB
}

// serves reports whether client is the server rather than server, which the Table took
// for it.
func (r *roles) serves(client, server netip.AddrPort) bool {
	a, b := segment.EndpointFrom(client), segment.EndpointFrom(server)
	if r.differ(a, b) {
		_, syn := r.syns[a]
		return syn
	}
	if r.shares[a] != r.shares[b] {
		return r.shares[a] > r.shares[b]
	}
	return r.ports[a.Port] >= manyShare && r.ports[a.Port] > r.ports[b.Port]
}

// manyShare is how many connections make a port number, wherever it is, that of a server.
const manyShare = 3

func (r *roles) say(server, client segment.Endpoint) {
	if !r.mute && len(r.said) < maxRoles && r.shares[server] > r.shares[client] {
		r.said[server] = true
	}
}
