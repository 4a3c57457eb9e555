package explain

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"lastack/harness/capture"
	"lastack/harness/teardown"
	"lastack/stack/flow"
	"lastack/stack/segment"
)

// Survey is the first reading of a capture for ComparePath: a digest of each
// connection, and no segments.
type Survey struct {
	// Name is what the capture is called.
	Name string
	// Connections counts all, those beyond the bound included.
	Connections int

	digests    []digest
	begin, end int64 // of all packets, in nanoseconds since 1970
	segments   int
	warning    string
}

// maxDigests bounds the connections of a capture that have a digest: about 250 bytes
// each. Later ones are counted and not compared.
const maxDigests = 200_000

// digest is what one capture shows of one connection. Arrays are by side, client and
// server; sequence numbers are as on the wire.
type digest struct {
	ends     [2]segment.Endpoint
	isn      [2]segment.Seq // where known
	low      [2]segment.Seq // the range of sequence numbers
	high     [2]segment.Seq
	synAt    [2]int64 // the first SYN or SYN+ACK, 0 for none
	begin    int64
	last     int64
	bytes    [2]uint64
	sketch   *[2]sketch // without handshake
	kind     teardown.Kind
	active   teardown.Who
	resetBy  teardown.Who
	twin     int32 // of the connection in the other capture, or noTwin
	known    [2]bool
	seen     [2]bool
	mss      [2]uint16 // of the SYN
	ttl      [2]uint8  // of the first segment
	rstTTL   uint8     // of the first RST
	swapped  bool      // the Table has client and server the other way round
	tunneled bool
	unsure   bool // no SYN told who is the client
}

// sketch keeps the times of a few segments, the same in both captures as far as
// both have them: those whose hashes are lowest.
type sketch [4]struct {
	hash uint64
	at   int64
}

func (k *sketch) add(hash uint64, at int64) {
	for i := range k {
		if k[i].hash == hash {
			return // the first time counts
		}
		if k[i].at == 0 || hash < k[i].hash {
			copy(k[i+1:], k[i:])
			k[i].hash, k[i].at = hash, at
			return
		}
	}
}

// NewSurvey reads a capture to its end. That it ends in the middle of a packet is
// no error. The error names the capture.
func NewSurvey(src capture.Source, name string) (*Survey, error) {
	s := &Survey{Name: name}
	f := newFeed(src, s.leave)
	for {
		r, c, err := f.next()
		switch {
		case errors.Is(err, io.EOF):
		case errors.Is(err, io.ErrUnexpectedEOF) && s.segments > 0:
			s.warning = fmt.Sprintf("%s ends in the middle of a packet", name)
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", name, err)
		default:
			s.see(r, c, f.at)
			continue
		}
		f.table.Flush()
		s.orient(&f.roles)
		s.digests = slices.Clip(s.digests)
		s.begin, s.end = f.begin, f.end
		return s, nil
	}
}

func (s *Survey) see(r *teardown.Record, c *teardown.Conn, at int64) {
	s.segments++
	s.Connections = max(s.Connections, c.Number())
	for len(s.digests) < min(c.Number(), maxDigests) {
		s.digests = append(s.digests, digest{twin: noTwin})
	}
	if v := s.of(c); v != nil {
		v.see(r, at)
	}
}

// of is the digest of a connection, nil for one beyond the bound.
func (s *Survey) of(c *teardown.Conn) *digest {
	if n := c.Number(); n > 0 && n <= len(s.digests) {
		return &s.digests[n-1]
	}
	return nil
}

func (v *digest) see(r *teardown.Record, at int64) {
	seg, from := &r.Seg, r.Step.From&1
	if v.begin == 0 {
		v.begin = at
		if !seg.Flags.Has(segment.SYN) {
			v.sketch = &[2]sketch{}
		}
	}
	v.last = max(v.last, at)
	v.learnISN(seg, from, at)
	if seg.Flags.Has(segment.RST) {
		if v.rstTTL == 0 {
			v.rstTTL = r.Path.TTL
		}
		return // anybody may send one
	}
	if !v.seen[from] {
		v.seen[from], v.ttl[from] = true, r.Path.TTL
		v.low[from], v.high[from] = seg.Seq, seg.End()
	}
	if v.high[from].Less(seg.End()) {
		v.high[from] = seg.End()
	}
	if seg.Seq.Less(v.low[from]) {
		v.low[from] = seg.Seq
	}
	if v.sketch != nil {
		v.sketch[from].add(hashOf(seg), at)
	}
}

// learnISN takes the initial numbers from a handshake. The first ones count.
func (v *digest) learnISN(seg *segment.Segment, from flow.Side, at int64) {
	if !seg.Flags.Has(segment.SYN) || seg.Flags.Has(segment.RST) {
		return
	}
	v.mss[from] = seg.MSS
	if !v.known[from] {
		v.isn[from], v.known[from] = seg.Seq, true
	}
	if v.synAt[from] == 0 {
		v.synAt[from] = at
	}
	if peer := from.Other(); seg.Flags.Has(segment.ACK) && !v.known[peer] {
		v.isn[peer], v.known[peer] = seg.Ack-1, true
	}
}

// hashOf is a hash over what a segment keeps where nothing but its addresses
// changes on the way.
func hashOf(s *segment.Segment) uint64 {
	h := uint64(s.Seq)<<32 | uint64(s.Ack)
	h ^= uint64(s.TSVal)<<17 ^ uint64(s.PayloadLen)<<48
	h *= 0x9e3779b97f4a7c15
	h ^= h >> 29
	return h * 0xbf58476d1ce4e5b9
}

// leave takes a connection's verdict as the Table forgets it.
func (s *Survey) leave(f *feed, c *teardown.Conn) {
	v := s.of(c)
	if v == nil {
		return
	}
	client, server, in := f.tunnels.ends(c)
	v.unsure = !c.Certain()
	v.ends = [2]segment.Endpoint{segment.EndpointFrom(client), segment.EndpointFrom(server)}
	v.tunneled = in != nil
	r := c.Outcome()
	v.kind, v.active, v.resetBy = r.Close, r.ActiveCloser, r.ResetBy
	v.bytes = [2]uint64{r.ClientBytes, r.ServerBytes}
}

// orient decides who is the server where no SYN told, by the whole capture.
func (s *Survey) orient(r *roles) {
	for i := range s.digests {
		if v := &s.digests[i]; v.unsure && r.serves(v.ends[0].AddrPort(), v.ends[1].AddrPort()) {
			v.swap()
		}
	}
}

func (v *digest) swap() {
	v.swapped = !v.swapped
	v.active, v.resetBy = otherThan(v.active), otherThan(v.resetBy)
	flip(&v.ends)
	flip(&v.bytes)
	flip(&v.isn)
	flip(&v.low)
	flip(&v.high)
	flip(&v.synAt)
	flip(&v.known)
	flip(&v.seen)
	flip(&v.ttl)
	flip(&v.mss)
	if v.sketch != nil {
		v.sketch[0], v.sketch[1] = v.sketch[1], v.sketch[0]
	}
}

// otherThan is the other side, where it is one.
func otherThan(w teardown.Who) teardown.Who {
	switch w {
	case teardown.Client:
		return teardown.Server
	case teardown.Server:
		return teardown.Client
	}
	return w
}

// noTwin is for a digest that the other capture has nothing of.
const noTwin = -1
