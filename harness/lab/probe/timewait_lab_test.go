package probe

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"lastack/harness/lab/labtest"
	"lastack/stack/segment"
)

const (
	syn = segment.SYN
	ack = segment.ACK
	fin = segment.FIN | segment.ACK
	psh = segment.PSH | segment.ACK
	rst = segment.RST
)

// row is one segment sent to a connection in TIME_WAIT, and what Linux did when
// it was measured.
type row struct {
	name    string
	plain   bool // the old connection had no timestamps
	rfc1337 bool
	// bend makes the segment of a sound one with the flags; off is for its
	// sequence number, relative to the subject's RCV.NXT, ts for its TSval,
	// relative to the latest sent.
	flags segment.Flags
	off   int32
	ts    int32
	noTS  bool
	data  string
	times int
	want  string
}

// The answers: a pure ACK is the subject's SND.NXT and RCV.NXT.
const (
	ackRestarted = "ACK; restarted"
	ackKept      = "ACK; kept"
	noneKept     = "nothing; kept"
	noneRestart  = "nothing; restarted"
	noneKilled   = "nothing; CLOSED"
	reopened     = "SYN+ACK at SND.NXT+65537; SYN_RECEIVED"
)

var rows = []row{
	{name: "SYN, TSval larger, ISN larger", flags: syn, off: 9000, ts: 1, want: reopened},
	{name: "SYN, TSval larger, ISN smaller", flags: syn, off: -9000, ts: 1, want: reopened},
	{name: "SYN, TSval equal, ISN larger", flags: syn, off: 1, ts: 0, want: reopened},
	{name: "SYN, TSval equal, ISN smaller", flags: syn, off: -1, ts: 0, want: ackKept},
	{name: "SYN, TSval smaller, ISN larger", flags: syn, off: 9000, ts: -1, want: ackRestarted},
	{name: "SYN without TS, ISN larger", flags: syn, off: 1, noTS: true, want: reopened},
	{name: "SYN without TS, ISN equal", flags: syn, off: 0, noTS: true, want: ackKept},
	{name: "SYN to one without TS, ISN larger", plain: true, flags: syn, off: 1, ts: -9000, want: reopened},
	{name: "SYN to one without TS, ISN smaller", plain: true, flags: syn, off: -1, ts: 9000, want: ackKept},
	{name: "SYN+ACK", flags: syn | ack, off: 9000, ts: 1, want: ackRestarted},
	{name: "RST at RCV.NXT", flags: rst, ts: 1, want: noneKilled},
	{name: "RST at RCV.NXT, rfc1337", rfc1337: true, flags: rst, ts: 1, want: noneKept},
	{name: "RST elsewhere", flags: rst, off: 1, ts: 1, want: noneKept},
	{name: "RST with an old TS", flags: rst, ts: -1, want: noneKept},
	{name: "old data", flags: psh, off: -1, ts: 1, data: "y", want: ackRestarted},
	{name: "new data", flags: psh, ts: 1, data: "yy", want: ackRestarted},
	{name: "FIN again", flags: fin, off: -1, ts: 1, want: ackRestarted},
	{name: "FIN again, thrice", flags: fin, off: -1, ts: 1, times: 3, want: "ACK, ACK, ACK; restarted"},
	{name: "ACK at RCV.NXT-1", flags: ack, off: -1, ts: 1, want: ackRestarted},
	{name: "ACK at RCV.NXT-1, thrice at once", flags: ack, off: -1, ts: 1, times: 3, want: ackRestarted},
	{name: "ACK at RCV.NXT", flags: ack, ts: 1, want: noneRestart},
}

// TestTimeWaitOnTheWire sends the same segments to lastack and to the kernel, in
// TIME_WAIT, and wants the same from both: what Linux was measured to do.
func TestTimeWaitOnTheWire(t *testing.T) {
	for family, a := range families {
		t.Run(family, func(t *testing.T) {
			if !labtest.Inside(t) {
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			got := map[string][]string{}
			for _, s := range []*subject{lastackSubject(t, a), kernelSubject(t, a)} {
				got[s.name] = s.answers(ctx)
			}
			for i, r := range rows {
				ours, theirs := got["lastack"][i], got["kernel"][i]
				if ours != r.want || theirs != r.want {
					t.Errorf("%s:\n   lastack %s\n    kernel %s\n  expected %s", r.name, ours, theirs, r.want)
				}
			}
		})
	}
}

// answers brings a connection for each row into TIME_WAIT, waits until a timer
// that is restarted can be told from one that is not, and sends the rows.
func (s *subject) answers(ctx context.Context) []string {
	s.t.Helper()
	var conns []*Conn
	for i, r := range rows {
		c := s.dial(ctx, uint16(40000+i), !r.plain)
		if err := c.Finish(ctx); err != nil {
			s.t.Fatalf("%s, %s: %v", s.name, r.name, err)
		}
		conns = append(conns, c)
	}
	if _, err := conns[0].Quiet(ctx, 500*time.Millisecond); err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for i, r := range rows {
		out = append(out, s.answer(ctx, conns[i], &r))
	}
	return out
}

func (s *subject) answer(ctx context.Context, c *Conn, r *row) string {
	s.t.Helper()
	s.set("net.ipv4.tcp_rfc1337", map[bool]string{false: "0", true: "1"}[r.rfc1337])
	subject := c.Tuple().Reverse()
	state, before := s.state(subject)
	if state != "TIME_WAIT" {
		s.t.Fatalf("%s, %s: %s before the segment", s.name, r.name, state)
	}
	next, rcvNxt := c.Ack, c.Seq
	for range max(r.times, 1) {
		if err := c.Inject(r.segment(c), []byte(r.data)); err != nil {
			s.t.Fatal(err)
		}
	}
	var replies []segment.Segment
	// A busy machine may answer later: what was expected is waited for, and behind it what was
	// not.
	for end := time.Now().Add(patience); ; {
		more, err := c.Quiet(ctx, 100*time.Millisecond)
		if err != nil {
			s.t.Fatal(err)
		}
		replies = append(replies, more...)
		got := s.came(subject, replies, next, rcvNxt, before)
		if got == r.want || time.Now().After(end) {
			return got
		}
	}
}

// patience is for an answer of a busy machine.
const patience = 5 * time.Second

// came says what became of a connection that had so much of TIME_WAIT left, and what it was
// answered.
func (s *subject) came(t segment.Tuple, replies []segment.Segment, next, rcvNxt segment.Seq, before time.Duration) string {
	s.t.Helper()
	var words []string
	for _, reply := range replies {
		words = append(words, describe(&reply, next, rcvNxt))
	}
	if len(words) == 0 {
		words = []string{"nothing"}
	}
	state, after := s.state(t)
	switch {
	case state != "TIME_WAIT":
	case after > before:
		state = "restarted"
	default:
		state = "kept"
	}
	return strings.Join(words, ", ") + "; " + state
}

// segment is what the row sends.
func (r *row) segment(c *Conn) segment.Segment {
	last := c.TSVal
	seg := c.Next(r.flags)
	seg.Seq = c.Seq + segment.Seq(r.off)
	seg.HasTimestamps = !r.noTS
	seg.TSVal = last + uint32(r.ts)
	c.TSVal = last
	return seg
}

// describe says what a reply is, if its numbers are those that belong to it.
func describe(s *segment.Segment, sndNxt, rcvNxt segment.Seq) string {
	switch {
	case s.Flags == ack && s.Seq == sndNxt && s.Ack == rcvNxt && s.PayloadLen == 0:
		return "ACK"
	case s.Flags == syn|ack:
		return fmt.Sprintf("SYN+ACK at SND.NXT+%d", s.Seq-sndNxt)
	}
	return fmt.Sprintf("%s seq=SND.NXT%+d ack=RCV.NXT%+d len=%d", s.Flags, s.Seq.Diff(sndNxt), s.Ack.Diff(rcvNxt), s.PayloadLen)
}
