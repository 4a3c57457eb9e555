package explain

import (
	"time"

	"lastack/harness/capture"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// feed reads the segments of a capture, each with its connection. Two readings of
// one capture number the connections alike.
type feed struct {
	segments *capture.Segments
	table    *teardown.Table
	tunnels  tunnels
	roles    roles
	newest   int // the latest connection of roles
	rec      teardown.Record
	tos      uint8 // of the latest segment: DSCP and ECN
	at       int64 // when it was seen, in nanoseconds since 1970; never 0
	// begin and end are the times of the earliest and the latest packet, TCP or
	// not, in nanoseconds since 1970.
	begin, end int64
}

// newFeed reads from src; leave is called with every connection as it leaves. It
// may be nil.
func newFeed(src capture.Source, leave func(*feed, *teardown.Conn)) *feed {
	f := &feed{}
	f.segments = capture.NewSegments(&spanned{src, f}, capture.SegmentsConfig{})
	f.table = teardown.NewTable(teardown.Config{
		Remember: remember, RememberFor: rememberFor, MaxOpen: maxOpen, Lean: true, Recycle: true,
		OnForget: func(c *teardown.Conn) {
			if leave != nil {
				leave(f, c)
			}
			f.tunnels.forget(c)
		},
	})
	return f
}

// next is the next segment, valid until the next call.
func (f *feed) next() (*teardown.Record, *teardown.Conn, error) {
	p, err := f.segments.NextTo(&f.rec.Seg)
	if err != nil {
		return nil, nil, err
	}
	f.rec.Time, f.rec.Path, f.tos = p.Time, teardown.PathOf(p.Data), tosOf(p.Data)
	if at := nanos(f.rec.Time); at > 0 || f.at == 0 {
		f.at = max(at, 1) // one without a time has that of the one before
	}
	c := f.tunnels.add(f.table, &f.rec, p.Tunnel)
	if n := c.Number(); n > f.newest {
		f.newest = n
		s := &f.rec.Seg
		client, server := s.Src, s.Dst
		if s.Flags.Has(segment.SYN | segment.ACK) {
			client, server = server, client
		}
		f.roles.see(client, server, s.Flags.Has(segment.SYN))
	}
	return &f.rec, c, nil
}

// tosOf is the byte with DSCP and ECN (RFC 2474, RFC 3168) of IPv4 or IPv6.
func tosOf(packet []byte) uint8 {
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		return packet[1]
	case len(packet) >= 40 && packet[0]>>4 == 6:
		return packet[0]<<4 | packet[1]>>4
	}
	return 0
}

// spanned notes the time of every packet of a source.
type spanned struct {
	capture.Source
	feed *feed
}

func (s *spanned) Next() (capture.Packet, error) {
	p, err := s.Source.Next()
	if at := nanos(p.Time); err == nil && at > 0 {
		if s.feed.begin == 0 || at < s.feed.begin {
			s.feed.begin = at
		}
		s.feed.end = max(s.feed.end, at)
	}
	return p, err
}

// nanos is a time since 1970, 0 for one that is not known or does not fit.
func nanos(t time.Time) int64 {
	if y := t.Year(); y < 1970 || y > 2261 {
		return 0
	}
	return t.UnixNano()
}

func flip[T any](two *[2]T) { two[0], two[1] = two[1], two[0] }
