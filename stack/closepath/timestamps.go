package closepath

import "lastack/stack/tunable"

// timestamps obeys net.ipv4.tcp_timestamps: with 0, the option (RFC 7323 3) is
// taken out of each SYN that opens a connection, in both directions. Who sees
// none in a SYN answers without, so the connection has none; one that has begun
// keeps what it agreed on.
type timestamps struct{ e *Endpoint }

func (t *timestamps) inbound(_ *tracked, p *packet) verdict  { return t.strip(p) }
func (t *timestamps) outbound(_ *tracked, p *packet) verdict { return t.strip(p) }

func (t *timestamps) strip(p *packet) verdict {
	if opensFlow(&p.seg) && p.seg.HasTimestamps && !t.e.tunables.Bool(tunable.Timestamps) {
		if b := p.header(); b != nil {
			p.seg.StripTimestamps(b)
		}
	}
	return pass
}
