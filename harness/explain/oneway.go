package explain

import (
	"lastack/harness/capture"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// oneWay joins the two directions of connections of which one is in a tunnel and the
// other is in none, or in one of another kind: asymmetric routes, direct server return.
//
// Addresses do not tell such a connection from two one-sided ones, as networks behind
// tunnels use the same private addresses, and who captures at the end of a tunnel has all
// segments inside and outside. Its first answer does: it comes where no segment of these
// addresses has been, and it fits a connection, elsewhere, of which the other direction
// alone has been seen, by its sequence number and by what it acknowledges.
type oneWay struct {
	to map[way]*capture.Tunnel // where its connection is
	of map[uint32]way          // by the number of the connection
}

// way is a direction of a connection, and where it was captured.
type way struct {
	tuple segment.Tuple
	in    uint32 // number of the tunnel, 0 outside
}

// maxOneWay bounds the connections that are joined. Past it they stay two.
const maxOneWay = 16_384

// join finds the tunnel that the connection of a segment is in, which was captured in
// another, or outside.
func (t *tunnels) join(table *teardown.Table, s *segment.Segment, in *capture.Tunnel) *capture.Tunnel {
	w := way{tuple: s.Tuple}
	if in != nil {
		w.in = in.Number
	}
	if len(t.one.to) > 0 {
		if to, joined := t.one.to[w]; joined {
			return to
		}
	}
	h := t.ways.half[s.Reverse()]
	if in == nil && h.in == nil || h.in == in && in != nil || !s.Flags.Has(segment.ACK) || t.find(table, s.Tuple, in) != nil {
		return in
	}
	for _, to := range [2]*capture.Tunnel{h.in, nil} {
		if c := t.find(table, s.Tuple, to); to != in && c != nil && awaits(c, s, to) && t.one.add(w, to, c) {
			return to
		}
	}
	return in
}

// find is the connection of a tuple in a tunnel, nil if there is none.
func (t *tunnels) find(table *teardown.Table, tuple segment.Tuple, in *capture.Tunnel) *teardown.Conn {
	disguise(&tuple.Src, in)
	disguise(&tuple.Dst, in)
	return table.Find(&tuple)
}

// awaits asks a connection in a tunnel for what it awaits.
func awaits(c *teardown.Conn, s *segment.Segment, in *capture.Tunnel) bool {
	there := *s
	disguise(&there.Src, in)
	disguise(&there.Dst, in)
	return c.Awaits(&there)
}

// add reports whether there is room for one more.
func (o *oneWay) add(w way, to *capture.Tunnel, c *teardown.Conn) bool {
	if len(o.of) >= maxOneWay {
		return false
	}
	if o.to == nil {
		o.to, o.of = map[way]*capture.Tunnel{}, map[uint32]way{}
	}
	o.to[w], o.of[uint32(c.Number())] = to, w
	return true
}

// forget is for a connection that leaves the Table.
func (o *oneWay) forget(c *teardown.Conn) {
	if len(o.of) == 0 {
		return
	}
	if w, ok := o.of[uint32(c.Number())]; ok {
		delete(o.to, w)
		delete(o.of, uint32(c.Number()))
	}
}
