package teardown

import (
	"encoding/binary"
	"time"
)

// Path is what an IP header shows about its sender beside the addresses: a RST that
// another machine made in its name seldom has the same.
type Path struct {
	// TTL is that of IPv4, or the hop limit of IPv6; 0 means unknown.
	TTL uint8
	// ID is the identification of IPv4; 0 means none.
	ID uint16
}

// PathOf reads the header of a packet that begins with IPv4 or IPv6.
func PathOf(packet []byte) (p Path) {
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		p.TTL, p.ID = packet[8], binary.BigEndian.Uint16(packet[4:])
	case len(packet) >= 8 && packet[0]>>4 == 6:
		p.TTL = packet[7]
	}
	return p
}

// paths is what a side's segments had in common.
type paths struct {
	ttls  [maxTTLs]uint8 // the distinct ones
	n     uint8          // of them; more than maxTTLs means too many to tell
	seen  uint8          // segments with a TTL, at most 255
	steps uint8          // how often ID went up by a little, 0 after a leap
	id    uint16
	leapt bool // ID did not count up once
}

const maxTTLs = 3

// learn takes in a segment that is no RST.
func (p *paths) learn(at Path) {
	if at.TTL == 0 {
		return
	}
	known := p.n > maxTTLs || p.ttls[0] == at.TTL // most have one
	for i := uint8(1); !known && i < min(p.n, maxTTLs); i++ {
		known = p.ttls[i] == at.TTL
	}
	if !known {
		if p.n < maxTTLs {
			p.ttls[p.n] = at.TTL
		}
		p.n++
	}
	p.count(at.ID)
	if p.seen < 255 {
		p.seen++
	}
}

// count follows the ID of a sender that counts its packets.
func (p *paths) count(id uint16) {
	switch step := id - p.id; {
	case p.id == 0 || id == 0:
		p.steps = 0
	case step == 0 || step > smallStep:
		p.leapt = true
	case p.steps < 255:
		p.steps++
	}
	p.id = id
}

// The bounds of what tells another sender. Routes change by a hop or two, and not in the
// middle of a connection whose segments all came the same way; a sender that counts its
// packets skips those to others.
const (
	enoughTTLs  = 5     // so many alike, and one hop of difference counts
	onlyOneTTL  = 3     // of one segment, so many hops do not count
	smallStep   = 16    // of a counter between two segments
	enoughSteps = 3     // to call it a counter
	greatLeap   = 4_096 // no counter comes so far
	leapWithin  = 10 * time.Second
)

// mismatch is the sign that a RST is not from the endpoint.
type mismatch uint8

const (
	noMismatch  mismatch = iota
	otherTTL             // its TTL is none of the side's
	otherID              // its ID leaps where the side counts
	echoedID             // its ID is one of the other side's
	tooEarly             // it acknowledges what cannot have reached the side yet
	contradicts          // the side goes on as if it had sent none
)

// mismatchOf holds a RST's TTL and ID against those of the segments before.
func (p *paths) mismatchOf(at Path, quiet time.Duration, active bool) mismatch {
	switch {
	case p.foreign(at.TTL):
		return otherTTL
	case active && p.n == 1 && p.ttls[0] == at.TTL && p.leaps(at.ID) && quiet < leapWithin:
		return otherID
	}
	return noMismatch
}

// continuedBy reports whether a RST has a TTL and the next ID of a side that counts.
func (p *paths) continuedBy(at Path) bool {
	step := at.ID - p.id
	return at.ID != 0 && p.steps >= enoughSteps && step > 0 && step <= smallStep && !p.foreign(at.TTL)
}

// echoes reports whether a RST repeats the ID of a segment of the other side's, as a
// device does that answers with the header that it was given. Both sides count, and their
// IDs are far from each other.
func (p *paths) echoes(other *paths, at Path) bool {
	return at.ID != 0 && p.steps >= enoughSteps && farOff(at.ID, p.id) &&
		!other.leapt && other.steps >= enoughSteps && other.id-at.ID < smallStep
}

// farOff reports whether no counter goes from one ID to the other.
func farOff(a, b uint16) bool { return a-b > greatLeap && b-a > greatLeap }

func (p *paths) leaps(id uint16) bool {
	return id != 0 && !p.leapt && p.steps >= enoughSteps && farOff(id, p.id)
}

// foreign reports whether a TTL shows another distance than the side's own segments. A
// host that gives its RSTs another first TTL is as far as before.
func (p *paths) foreign(ttl uint8) bool {
	if ttl == 0 || p.n == 0 || p.n > maxTTLs {
		return false
	}
	near := 1
	switch {
	case p.n == 1 && p.seen >= enoughTTLs:
		near = 0
	case p.seen == 1: // a proxy may have sent the SYN+ACK
		near = onlyOneTTL
	}
	for _, own := range p.ttls[:p.n] {
		off := int(own) - int(ttl)
		if off >= -near && off <= near || hops(own) == hops(ttl) || own <= 2 || own >= 254 {
			return false // GTSM (RFC 5082) and BGP set TTLs of sockets to the ends
		}
	}
	return true
}

// hops is how far a packet has come, by the first TTL that hosts use.
func hops(ttl uint8) uint8 {
	switch {
	case ttl <= 32:
		return 32 - ttl
	case ttl <= 64:
		return 64 - ttl
	case ttl <= 128:
		return 128 - ttl
	}
	return 255 - ttl
}
