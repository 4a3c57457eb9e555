package closepath

import "lastack/stack/flow"

// tracker feeds the flow tracker with what the host sends and receives, and has
// the flow table act on it.
type tracker struct{ e *Endpoint }

func (t *tracker) inbound(f *tracked, p *packet) verdict {
	if f != nil {
		t.update(f, p, f.host.Other())
	}
	return pass
}

func (t *tracker) outbound(f *tracked, p *packet) verdict {
	if f != nil {
		t.update(f, p, f.host)
	}
	return pass
}

func (t *tracker) update(f *tracked, p *packet, from flow.Side) {
	p.step = f.conn.Update(from, &p.seg)
	t.e.flows.advanced(f, p)
}
