package demo

import (
	"context"
	"fmt"
	"time"

	"lastack/harness/host/trace"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// ownTrace is what the host itself saw of one connection: the first that is
// opened to a port.
type ownTrace struct {
	rec   *trace.Recorder
	port  uint16
	of    segment.Tuple // canonical; zero before the first segment
	table *teardown.Table
	recs  []teardown.Record
	conn  *teardown.Conn // nil before the first segment
}

func newOwnTrace(rec *trace.Recorder, port uint16) *ownTrace {
	return &ownTrace{rec: rec, port: port, table: teardown.NewTable(teardown.Config{Keep: -1})}
}

// take moves what the recorder has to the trace, but for what is later than
// until; zero is no limit.
func (o *ownTrace) take(until time.Time) {
	for _, item := range o.rec.Take() {
		if !o.mine(&item.Seg) || !until.IsZero() && item.Time.After(until) {
			continue
		}
		rec := item.Record()
		o.conn = o.table.Add(&rec)
		o.recs = append(o.recs, rec)
	}
}

func (o *ownTrace) mine(s *segment.Segment) bool {
	key, _ := s.Tuple.Canonical()
	if o.of == (segment.Tuple{}) && s.Flags == segment.SYN && s.Dst.Port == o.port {
		o.of = key
	}
	return o.of == key
}

// followToEnd waits until the trace shows the whole connection.
func (o *ownTrace) followToEnd(ctx context.Context) error {
	for o.conn == nil || !o.conn.Done() {
		select {
		case <-o.rec.Ready():
		case <-ctx.Done():
			return fmt.Errorf("the connection to port %d did not end: %w", o.port, context.Cause(ctx))
		}
		o.take(time.Time{})
	}
	return nil
}

// straggle bounds how long compare waits for segments that the witness has seen
// and the host not yet: the kernel has queued them for the TUN's reader.
const straggle = 500 * time.Millisecond

// compare holds the trace against that of a witness which has just finished.
// Segments may follow the end of a connection (a FIN again and its ACK), so what
// the witness still saw of them is waited for, and what came after it is left
// out.
func (o *ownTrace) compare(ctx context.Context, theirs []teardown.Record) teardown.Diff {
	finished := time.Now()
	ctx, cancel := context.WithTimeout(ctx, straggle)
	defer cancel()
	for {
		o.take(finished.Add(time.Millisecond))
		d := teardown.Compare(o.recs, theirs)
		if d.OnlyB == 0 {
			return d
		}
		select {
		case <-o.rec.Ready():
		case <-ctx.Done():
			return d
		}
	}
}
