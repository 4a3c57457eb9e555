package explain

import (
	"lastack/harness/capture"
	"lastack/stack/segment"
)

// ways finds tunnels that are the two ways of one: gateways that give each
// direction a network number of its own. The first answer to a connection tells:
// it comes out of the other tunnel and acknowledges what went through the first,
// where no segment of the connection has gone the same way before.
type ways struct {
	back map[*capture.Tunnel]*capture.Tunnel // the way back, to the way there
	half map[segment.Tuple]half
}

// half is the first segment of a connection in a tunnel.
type half struct {
	in   *capture.Tunnel // nil where there was one in two tunnels
	next segment.Seq     // after it
}

// maxAhead is how many bytes after the first segment an answer may acknowledge,
// where a capture begins in the middle or does not have segments.
const maxAhead = 1 << 20

// maxHalves bounds the connections of which an answer may tell.
const maxHalves = 16_384

// of is the tunnel that stands for both ways.
func (w *ways) of(in *capture.Tunnel) *capture.Tunnel {
	if len(w.back) > 0 {
		if there := w.back[in]; there != nil {
			return there
		}
	}
	return in
}

// pair is of for the tunnel of a segment, which may be the first answer.
func (w *ways) pair(s *segment.Segment, in *capture.Tunnel) *capture.Tunnel {
	in = w.of(in)
	h, ok := w.half[s.Reverse()]
	if !ok || h.in == nil || h.in == in || !s.Flags.Has(segment.ACK) || s.Ack-h.next > maxAhead {
		return in
	}
	if _, seen := w.half[s.Tuple]; seen || h.in.Kind != in.Kind || h.in.In != in.In {
		return in
	}
	if w.back == nil {
		w.back = map[*capture.Tunnel]*capture.Tunnel{}
	}
	w.back[in] = h.in
	return h.in
}

// begin notes the first segment of a connection.
func (w *ways) begin(s *segment.Segment, in *capture.Tunnel) {
	if w.half == nil {
		w.half = make(map[segment.Tuple]half, maxHalves)
	}
	if len(w.half) >= maxHalves {
		clear(w.half)
	}
	h := half{in, s.Seq + segment.Seq(s.Len())}
	if old, ok := w.half[s.Tuple]; ok && old.in != in {
		h.in = nil
	}
	w.half[s.Tuple] = h
}
