package impair

import (
	"math/rand/v2"

	"lastack/stack/segment"
)

// Segment is what a rule has to know of a segment.
type Segment struct {
	*segment.Segment
	// From is Host or Peer.
	From From
	// AcksFIN: it acknowledges the FIN of the other side.
	AcksFIN bool
}

// Set is a list of rules at work. Make it with NewSet. Only its counts change.
type Set struct {
	rules []active
}

// active is a rule with what it remembers across connections.
type active struct {
	Rule
	seen uint64
	rnd  *rand.Rand
}

// Counts is what the rules of a Set have counted in one connection. The zero
// value is a new connection, or one that another Set counted in.
type Counts struct {
	set  *Set
	seen []uint64
}

// NewSet puts rules to work. The random ones draw from the seed, each on its own:
// the same seed gives the same losses for the same traffic, whatever other rules
// there are before or behind.
func NewSet(rules []Rule, seed uint64) *Set {
	s := &Set{rules: make([]active, len(rules))}
	for i := range rules {
		s.rules[i].Rule = rules[i]
		if rules[i].Picks == Percent {
			s.rules[i].rnd = rand.New(rand.NewPCG(seed, rules[i].stream()))
		}
	}
	return s
}

// stream is a number for the rule's text (FNV-1a).
func (r *Rule) stream() uint64 {
	h := uint64(14695981039346656037)
	for _, b := range []byte(r.String()) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}

// Rules are the set's rules, in order.
func (s *Set) Rules() []Rule {
	rules := make([]Rule, len(s.rules))
	for i := range s.rules {
		rules[i] = s.rules[i].Rule
	}
	return rules
}

// Judge counts a segment, and returns the first rule that it falls to, or nil.
// Later rules count it nonetheless. c is of the segment's connection, nil if it
// has none.
func (s *Set) Judge(seg *Segment, c *Counts) *Rule {
	if c != nil && c.set != s {
		c.set, c.seen = s, make([]uint64, len(s.rules))
	}
	var hit *Rule
	for i := range s.rules {
		r := &s.rules[i]
		if !r.matches(seg) {
			continue
		}
		n := uint64(0) // which is never picked by number
		switch {
		case r.OfAll:
			r.seen++
			n = r.seen
		case c != nil:
			c.seen[i]++
			n = c.seen[i]
		}
		if r.picks(n) && hit == nil {
			hit = &r.Rule
		}
	}
	return hit
}

// matches reports whether the segment is of the rule's kind.
func (r *Rule) matches(seg *Segment) bool {
	if r.From != Either && r.From != seg.From {
		return false
	}
	if r.Port != 0 && r.Port != seg.Src.Port && r.Port != seg.Dst.Port {
		return false
	}
	const handshake = segment.SYN | segment.ACK
	switch r.Kind {
	case SYN:
		return seg.Flags&handshake == segment.SYN
	case SYNACK:
		return seg.Flags.Has(handshake)
	case FIN:
		return seg.Flags.Has(segment.FIN)
	case RST:
		return seg.Flags.Has(segment.RST)
	case Data:
		return seg.PayloadLen > 0
	case PureACK:
		return seg.PureACK()
	case ACKOfFIN:
		return seg.AcksFIN
	case PureACKOfFIN:
		return seg.AcksFIN && seg.PureACK()
	}
	return true
}

// picks reports whether the rule is for the segment that it counted as number n;
// 0 is one that was not counted.
func (a *active) picks(n uint64) bool {
	switch a.Picks {
	case Nth:
		return n == uint64(a.N)
	case FirstN:
		return n > 0 && n <= uint64(a.N)
	case EveryNth:
		return n > 0 && n%uint64(a.N) == 0
	case Percent:
		return a.rnd.Float64()*100 < a.Percent
	}
	return true
}
