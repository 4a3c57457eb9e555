package serve

import (
	"io"
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

// BenchmarkClose is what serve does for one connection beside serving it: record
// its segments, tell its close, and print a line.
func BenchmarkClose(b *testing.B) {
	rec := trace.New(trace.Config{})
	p := newPrinter(&Config{Out: io.Discard})
	client := segment.Endpoint{Addr: [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: 99, 15: 1}}
	server := segment.Endpoint{Addr: [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: 99, 15: 2}, Port: 7000}
	now := time.Unix(1e9, 0)
	var seg segment.Segment
	e := closepath.Event{Seg: &seg}
	b.ReportAllocs()
	for i := range b.N {
		client.Port = uint16(i)
		for j := range shortConn {
			s := &shortConn[j]
			seg = segment.Segment{Version: 4, Flags: s.flags, Seq: s.seq, Ack: s.ack, PayloadLen: s.len}
			e.Time, e.Dir = now, closepath.In
			if seg.Src, seg.Dst = client, server; s.out {
				seg.Src, seg.Dst, e.Dir = server, client, closepath.Out
			}
			rec.Tap(&e)
			now = now.Add(10 * time.Microsecond)
		}
		if i%16 == 0 {
			for _, item := range rec.Take() {
				p.add(&item)
			}
			if err := p.flush(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
