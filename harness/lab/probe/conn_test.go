package probe

import (
	"context"
	"testing"
	"time"

	"lastack/harness/lab/labtest"
	"lastack/stack/segment"
)

// TestDrain: what nobody received is forgotten, but for the latest.
func TestDrain(t *testing.T) {
	c := &Conn{in: make(chan heard, 2), probe: &Probe{ended: make(chan struct{})}}
	c.take(heard{segment.Segment{Flags: psh, Seq: 1, PayloadLen: 1}, []byte("x")})
	c.take(heard{segment.Segment{Flags: ack, Seq: 2}, nil})
	if err := c.Drain(t.Context()); err != nil || len(c.in) != 0 || c.Latest.Flags != ack || c.Ack != 2 {
		t.Errorf("%d left, the latest is %s, ack %d, %v", len(c.in), c.Latest.String(), c.Ack, err)
	}
}

// TestData: the probe reads what the subject sends, and may close first.
func TestData(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	a := families["IPv4"]
	for _, s := range []*subject{lastackSubject(t, a), kernelSubject(t, a)} {
		c := s.dial(ctx, 40000, true)
		for c.Latest.PayloadLen == 0 {
			if _, err := c.Receive(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if string(c.Data) != "x" {
			t.Errorf("%s answered %q", s.name, c.Data)
		}
		if err := c.Finish(ctx); err != nil {
			t.Fatal(err)
		}
		first := s.probe.Conn(40001, s.at)
		if err := first.Connect(ctx); err != nil {
			t.Fatal(err)
		}
		if err := first.Close(ctx); err != nil {
			t.Fatal(err)
		}
		for state := ""; state != "CLOSED"; state, _ = s.state(first.Tuple().Reverse()) {
			if ctx.Err() != nil {
				t.Fatalf("%s: %s after the probe's close", s.name, state)
			}
		}
	}
}
