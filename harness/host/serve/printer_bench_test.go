package serve

import (
	"io"
	"strings"
	"testing"
	"time"

	"lastack/harness/host/trace"
	"lastack/stack/closepath"
	"lastack/stack/segment"
)

// shortConn is the segments of a connection whose host closes first, as the churn
// benchmark has it.
var shortConn = []struct {
	out      bool
	flags    segment.Flags
	seq, ack segment.Seq
	len      int
}{
	{false, segment.SYN, 100, 0, 0},
	{true, segment.SYN | segment.ACK, 500, 101, 0},
	{false, segment.ACK, 101, 501, 0},
	{false, segment.ACK | segment.PSH, 101, 501, 64},
	{true, segment.ACK, 501, 165, 0},
	{true, segment.ACK | segment.PSH, 501, 165, 64},
	{false, segment.ACK, 165, 565, 0},
	{true, segment.ACK | segment.FIN, 565, 165, 0},
	{false, segment.ACK | segment.FIN, 165, 566, 0},
	{true, segment.ACK, 566, 166, 0},
}

// TestLinesKeepNoSegments: a close of one line is told without the segments before it, which
// would take most of the memory for the connections that serve remembers; a ladder has them.
func TestLinesKeepNoSegments(t *testing.T) {
	for verbose, want := range map[bool]int{false: 0, true: len(shortConn)} {
		var out strings.Builder
		p := newPrinter(&Config{Out: &out, Verbose: verbose})
		rec := trace.New(trace.Config{})
		record(rec, 4000, time.Unix(1e9, 0))
		for _, item := range rec.Take() {
			p.add(&item)
		}
		if err := p.flush(); err != nil {
			t.Error(err)
		}
		r := p.table.All()[0].Report()
		if n := len(r.Opening) + len(r.Segments); n != want {
			t.Errorf("verbose %v: %d segments are kept, want %d", verbose, n, want)
		}
		if !strings.Contains(out.String(), "10.99.0.1:4000") {
			t.Errorf("verbose %v: %q", verbose, out.String())
		}
	}
}

// record has a recorder see shortConn, and returns the time after it.
func record(rec *trace.Recorder, port uint16, now time.Time) time.Time {
	client := segment.Endpoint{Addr: [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: 99, 15: 1}, Port: port}
	server := segment.Endpoint{Addr: [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: 99, 15: 2}, Port: 7000}
	for i := range shortConn {
		s := &shortConn[i]
		seg := segment.Segment{Version: 4, Flags: s.flags, Seq: s.seq, Ack: s.ack, PayloadLen: s.len}
		e := closepath.Event{Seg: &seg, Time: now, Dir: closepath.In}
		if seg.Src, seg.Dst = client, server; s.out {
			seg.Src, seg.Dst, e.Dir = server, client, closepath.Out
		}
		rec.Tap(&e)
		now = now.Add(10 * time.Microsecond)
	}
	return now
}

// BenchmarkClose is what serve does for one connection beside serving it: record
// its segments, tell its close, and print a line.
func BenchmarkClose(b *testing.B) {
	rec := trace.New(trace.Config{})
	p := newPrinter(&Config{Out: io.Discard})
	now := time.Unix(1e9, 0)
	b.ReportAllocs()
	for i := range b.N {
		now = record(rec, uint16(i), now)
		if i%16 == 0 {
			items := rec.Take()
			for i := range items {
				p.add(&items[i])
			}
			if err := p.flush(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
