package closepath

import (
	"lastack/stack/segment"
	"lastack/stack/tunable"
)

// timestamps obeys net.ipv4.tcp_timestamps: with 0, the option (RFC 7323 3) is taken out
// of each SYN that opens a connection, in both directions. A host that sees none in a SYN
// answers without, so the connection has none; a connection that has begun keeps what it
// agreed on.
//
// It also gives each copy of the host's SYN or SYN-ACK the time at which it leaves.
// netstack repeats the first one's TSval, takes the echo for the round trip of all of
// them, and after one loss starts with a retransmission timeout of three seconds and
// more, after four with half a minute (RFC 7323 4.1: the echo measures the segment that
// carried the value).
type timestamps struct{ e *Endpoint }

func (t *timestamps) inbound(_ *tracked, p *packet) verdict {
	if t.unwanted(p) {
		if b := p.incoming(); b != nil {
			p.seg.StripTimestamps(b)
		}
	}
	return pass
}

func (t *timestamps) outbound(f *tracked, p *packet) verdict {
	if t.unwanted(p) {
		if b := p.header(); b != nil {
			p.seg.StripTimestamps(b)
		}
	}
	if f == nil || t.e.observe {
		return pass
	}
	syn := p.seg.Flags.Has(segment.SYN)
	switch {
	case !f.stamped && (syn || p.seg.HasTimestamps): // no SYN where a connection was not followed from its beginning
		f.said(&p.seg, t.e.timeWait.now())
	case f.stamped && syn:
		if b := p.header(); b != nil {
			p.seg.SetTSVal(b, f.stamp(t.e.timeWait.now()))
		}
	}
	return pass
}

// unwanted reports whether the packet offers timestamps although they are off.
func (t *timestamps) unwanted(p *packet) bool {
	return opensFlow(&p.seg) && p.seg.HasTimestamps && !t.e.tunables.Bool(tunable.Timestamps)
}
