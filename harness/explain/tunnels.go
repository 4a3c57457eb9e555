package explain

import (
	"encoding/binary"
	"net/netip"

	"lastack/harness/capture"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// tunnels keeps connections in different tunnels apart, which may have the same
// addresses and ports. The Table knows no tunnels: it is given other addresses in
// place of those inside a tunnel, and what it says is turned back.
type tunnels struct {
	// of is the tunnel's number by that of the connection, without those
	// outside tunnels. A capture has many of these, and few of all.
	of   map[uint32]uint32
	all  map[uint32]*capture.Tunnel
	ways ways
	one  oneWay

	// While the Table has a segment in a tunnel: that tunnel, nil otherwise, and
	// the segment's changed addresses.
	now   *capture.Tunnel
	tuple segment.Tuple
}

// add gives a segment to its connection, and leaves it as it is.
func (t *tunnels) add(table *teardown.Table, r *teardown.Record, in *capture.Tunnel) *teardown.Conn {
	if in != nil {
		in = t.ways.pair(&r.Seg, in)
	}
	if in != nil || len(t.of) > 0 || len(t.one.to) > 0 {
		in = t.join(table, &r.Seg, in)
	}
	if in == nil {
		return table.Add(r)
	}
	first := r.Seg
	disguise(&r.Seg.Src, in)
	disguise(&r.Seg.Dst, in)
	t.now, t.tuple = in, r.Seg.Tuple
	table.Prepare(r)
	c := table.Add(r)
	t.now, r.Seg.Tuple = nil, first.Tuple
	if _, known := t.of[uint32(c.Number())]; !known {
		if t.of == nil {
			t.of, t.all = map[uint32]uint32{}, map[uint32]*capture.Tunnel{}
		}
		t.of[uint32(c.Number())], t.all[in.Number] = in.Number, in
		t.ways.begin(&first, in)
	}
	return c
}

// ends are the addresses of a connection as they are on the wire, and the tunnel
// that it is in, nil if it is in none.
func (t *tunnels) ends(c *teardown.Conn) (client, server netip.AddrPort, in *capture.Tunnel) {
	in = t.around(c)
	return undisguised(c.Client(), in), undisguised(c.Server(), in), in
}

// around is the tunnel that a connection is in, nil if it is in none.
func (t *tunnels) around(c *teardown.Conn) *capture.Tunnel {
	if len(t.of) == 0 && t.now == nil {
		return nil
	}
	if in := t.all[t.of[uint32(c.Number())]]; in != nil {
		return in
	}
	if t.begins(c.Client(), c.Server()) {
		return t.now
	}
	return nil
}

// begins reports whether the segment that the Table has is the first of a
// connection that is not noted yet, and that already ends with it.
func (t *tunnels) begins(client, server netip.AddrPort) bool {
	if t.now == nil {
		return false
	}
	tuple := segment.Tuple{Src: segment.EndpointFrom(client), Dst: segment.EndpointFrom(server)}
	return tuple == t.tuple || tuple.Reverse() == t.tuple
}

// forget is for a connection that leaves the Table.
func (t *tunnels) forget(c *teardown.Conn) {
	if len(t.of) > 0 {
		delete(t.of, uint32(c.Number()))
	}
	t.one.forget(c)
}

// disguise changes an address into one that stands for it and its tunnel
// together, and back if it is applied again.
func disguise(e *segment.Endpoint, in *capture.Tunnel) {
	if in == nil {
		return
	}
	half := e.Addr[:8]
	binary.BigEndian.PutUint64(half, binary.BigEndian.Uint64(half)^uint64(in.Number)*0x9e3779b97f4a7c15)
}

func undisguised(end netip.AddrPort, in *capture.Tunnel) netip.AddrPort {
	if in == nil {
		return end
	}
	e := segment.EndpointFrom(end)
	disguise(&e, in)
	return e.AddrPort()
}
