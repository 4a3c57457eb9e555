package explain

import (
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// roles says which end of a connection is the server where the capture lacks the
// handshake: an end that a SYN of another connection went to, an end that more
// connections share than the other's, and only then what the port's number tells,
// which the Table goes by. What is said once of an end holds for all its connections.
type roles struct {
	newest int // the latest connection that was seen
	syns   map[segment.Endpoint]struct{}
	shares map[segment.Endpoint]int // connections without handshake
	ports  map[uint16]int           // likewise
	said   map[segment.Endpoint]bool
	mute   bool // whoever asks only looks: nothing is decided by it
}

// maxRoles bounds what is kept of ends.
const maxRoles = 65_536

// see takes in the first segment of every connection.
func (r *roles) see(c *teardown.Conn, s *segment.Segment) {
	if c.Number() <= r.newest {
		return
	}
	r.newest = c.Number()
	if r.syns == nil {
		r.syns, r.shares = map[segment.Endpoint]struct{}{}, map[segment.Endpoint]int{}
		r.said, r.ports = map[segment.Endpoint]bool{}, map[uint16]int{}
	}
	if s.Flags.Has(segment.SYN) {
		server := s.Dst
		if s.Flags.Has(segment.ACK) {
			server = s.Src
		}
		if _, known := r.syns[server]; !known && len(r.syns) < maxRoles {
			r.syns[server] = struct{}{}
		}
		return
	}
	for _, end := range [2]segment.Endpoint{s.Src, s.Dst} {
		if n := r.shares[end]; n > 0 || len(r.shares) < maxRoles {
			r.shares[end] = n + 1
		}
		r.ports[end.Port]++
	}
}

// swapped reports whether the server of a connection is what the Table took for the
// client.
func (r *roles) swapped(c *teardown.Conn) bool {
	if c.Handshake() {
		return false
	}
	client, server := segment.EndpointFrom(c.Client()), segment.EndpointFrom(c.Server())
	if r.serves(client, server) {
		r.say(client, server)
		return true
	}
	r.say(server, client)
	return false
}

// serves reports whether a is the server rather than b, which the Table took for it.
func (r *roles) serves(a, b segment.Endpoint) bool {
	_, synA := r.syns[a]
	_, synB := r.syns[b]
	if synA != synB {
		return synA
	}
	if saidA, saidB := r.said[a], r.said[b]; saidA != saidB {
		return saidA
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
