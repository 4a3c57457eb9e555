package explain

import (
	"fmt"

	"lastack/harness/capture"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// ICMP counts ICMP errors that quote segments of a connection: a router or the other host
// said that they did not arrive.
type ICMP struct {
	// What is the error in words, "host unreachable", and Type and Code its numbers (RFC
	// 792, or RFC 4443 for IPv6).
	What string `json:"what"`
	Type uint8  `json:"type"`
	Code uint8  `json:"code"`
	// From is who sent the first, To is whose segment it quotes.
	From string       `json:"from"`
	To   teardown.Who `json:"to"`
	// MTU is what the segment was too large for; 0 where that is not the error.
	MTU uint32 `json:"mtu,omitempty"`
	// Packets counts those of the same sort.
	Packets int `json:"packets"`
}

// maxICMP bounds the connections of which ICMP errors are remembered, and the
// errors between two batches of segments.
const maxICMP = 16_384

// icmpKey is a connection in its tunnel, as its segments' Tuple in canonical form.
type icmpKey struct {
	tuple  segment.Tuple
	tunnel uint32
}

func keyOf(tuple segment.Tuple, in *capture.Tunnel) icmpKey {
	k := icmpKey{}
	if k.tuple, _ = tuple.Canonical(); in != nil {
		k.tunnel = in.Number
	}
	return k
}

// icmpNote is the first ICMP error about a connection, and how many like it came.
type icmpNote struct {
	capture.ICMPError
	n int
	// heard is how many segments there were, at the latest of them, from where the
	// quoted segment went. known: its connection was there.
	heard uint64
	known bool
}

// noteICMP remembers an error for when its connection leaves.
func (a *Analysis) noteICMP(e *capture.ICMPError) {
	w := &a.lanes[a.split.Lane(&e.Tuple)]
	if w.icmp == nil {
		w.icmp = map[icmpKey]*icmpNote{}
	}
	k := keyOf(e.Tuple, a.tunnels.ways.of(e.Tunnel))
	switch n := w.icmp[k]; {
	case n == nil && len(w.icmp) < maxICMP/teardown.Lanes:
		n = &icmpNote{ICMPError: *e, n: 1}
		w.icmp[k] = n
		a.hear(n, a.tunnels.ways.of(e.Tunnel))
	case n != nil && n.What() == e.What():
		n.n++
		a.hear(n, a.tunnels.ways.of(e.Tunnel))
	}
}

// hear notes how much had come from the other side by the time of an error.
func (a *Analysis) hear(n *icmpNote, in *capture.Tunnel) {
	table := a.split.Table(a.split.Lane(&n.Tuple))
	if c := a.tunnels.find(table, n.Tuple, in); c != nil {
		n.heard, n.known = a.heardFrom(c, n), true
	}
}

// heardFrom counts the segments from where the quoted segment went.
func (a *Analysis) heardFrom(c *teardown.Conn, n *icmpNote) uint64 {
	dst := n.Tuple.Dst
	disguise(&dst, a.tunnels.ways.of(n.Tunnel))
	return c.Segments(dst)
}

// tuple is from the client to the server, as on the wire.
func (e *ended) tuple() segment.Tuple {
	return segment.Tuple{Src: segment.EndpointFrom(e.client), Dst: segment.EndpointFrom(e.server)}
}

// quoted is what was noted about a connection, nil for most.
func (e *ended) quoted() *ICMP {
	n := e.note
	if n == nil {
		return nil
	}
	to := teardown.Server
	if n.Tuple.Src == e.tuple().Src {
		to = teardown.Client
	}
	return &ICMP{
		What: n.What(), Type: n.Type, Code: n.Code, From: n.From.String(), To: to, MTU: n.MTU, Packets: n.n,
	}
}

// sentence is for the end of a connection's reason.
func (i *ICMP) sentence() string {
	text := fmt.Sprintf("; %s answered the %s's segments with ICMP: %s", i.From, i.To, i.What)
	if i.MTU > 0 {
		text += fmt.Sprintf(" (MTU %d)", i.MTU)
	}
	if i.Packets > 1 {
		text += fmt.Sprintf(", %s times", number(i.Packets))
	}
	return text
}
