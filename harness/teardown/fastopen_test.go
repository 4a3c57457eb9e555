package teardown

import (
	"slices"
	"testing"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// fastHandshake is a SYN and a SYN+ACK with these options and data, and the number of
// bytes that the SYN+ACK acknowledges.
func fastHandshake(syn, synAck segment.Segment, taken int) *Conn {
	c := &Conn{}
	var f flow.Conn
	syn.Flags, synAck.Flags, synAck.Ack = segment.SYN, segment.SYN|segment.ACK, 1+segment.Seq(taken)
	for side, s := range []*segment.Segment{&syn, &synAck} {
		c.Add(Record{Seg: *s, Step: f.Update(flow.Side(side), s)})
	}
	return c
}

func TestFastOpen(t *testing.T) {
	option := func(n int, cookie bool) (s segment.Segment) {
		s.PayloadLen, s.FastOpen = n, segment.FastOpenOption
		if cookie {
			s.Cookie.Len = 8
		}
		return s
	}
	data := segment.Segment{PayloadLen: 73}
	for _, tt := range []struct {
		syn, synAck segment.Segment
		taken       int
		want        FastOpen
		why         []string
	}{
		{segment.Segment{}, segment.Segment{}, 0, "", []string{"", ""}},
		{option(0, false), segment.Segment{}, 0, FastOpenAsked, []string{"asks for a Fast Open cookie", ""}},
		{option(0, false), option(0, true), 0, FastOpenCookie, []string{"asks for a Fast Open cookie", "brings a Fast Open cookie"}},
		{option(0, true), segment.Segment{}, 0, FastOpenAsked, []string{"a Fast Open cookie, and no data", ""}},
		{option(73, true), segment.Segment{}, 73, FastOpenData, []string{"Fast Open: cookie and 73 bytes", "takes 73 bytes of the SYN"}},
		{option(73, true), option(0, true), 1, FastOpenData, []string{"Fast Open: cookie and 73 bytes", "takes 1 byte of the SYN; new cookie"}},
		{option(73, true), option(0, true), 0, FastOpenRefused, []string{"Fast Open: cookie and 73 bytes", "takes none of the data; new cookie"}},
		{data, segment.Segment{}, 0, FastOpenRefused, []string{"73 bytes in the SYN, no cookie", "takes none of the SYN's data"}},
		{data, segment.Segment{}, 73, FastOpenData, []string{"73 bytes in the SYN, no cookie", "takes 73 bytes of the SYN"}},
	} {
		r := fastHandshake(tt.syn, tt.synAck, tt.taken).Report()
		var why []string
		for _, l := range r.Opening {
			why = append(why, l.Why)
		}
		if r.FastOpen != tt.want || !slices.Equal(why, tt.why) {
			t.Errorf("%s %q, want %s %q", r.FastOpen, why, tt.want, tt.why)
		}
	}
}

// TestFastOpenSYNAgain: a SYN that comes again without data does not change what the
// first one brought, and the SYN+ACK may take that.
func TestFastOpenSYNAgain(t *testing.T) {
	c := &Conn{}
	var f flow.Conn
	first := segment.Segment{Flags: segment.SYN, PayloadLen: 73}
	first.FastOpen, first.Cookie.Len = segment.FastOpenOption, 8
	again := segment.Segment{Flags: segment.SYN}
	taken := segment.Segment{Flags: segment.SYN | segment.ACK, Ack: 74}
	for i, s := range []*segment.Segment{&first, &again, &taken} {
		side := flow.Client
		if i == 2 {
			side = flow.Server
		}
		c.Add(Record{Seg: *s, Step: f.Update(side, s)})
	}
	r := c.Report()
	if r.FastOpen != FastOpenData || r.Opening[1].Why != noteSYNAgain.String() || r.Opening[2].Why != "takes 73 bytes of the SYN" {
		t.Errorf("%s: %+v", r.FastOpen, r.Opening)
	}
}
