package timewait

import (
	"fmt"
	"testing"
	"time"

	"lastack/stack/segment"
)

// TestSegmentInTimeWait is GROUND-TRUTH's table "A segment arriving in
// TIME_WAIT", as measured on Linux.
func TestSegmentInTimeWait(t *testing.T) {
	type row struct {
		name    string
		flags   segment.Flags
		seq     int // from rcvNxt
		payload int
		stamp   int // from tsRecent
		rfc1337 bool
		want    Verdict
		restart bool
	}
	with := []row{
		{name: "SYN, TSval larger, ISN larger", flags: syn, seq: 9, stamp: 1, want: Reopen},
		{name: "SYN, TSval larger, ISN smaller", flags: syn, seq: -9, stamp: 1, want: Reopen},
		{name: "SYN, TSval larger, ISN equal", flags: syn, stamp: 1, want: Reopen},
		{name: "SYN, TSval equal, ISN larger", flags: syn, seq: 9, want: Reopen},
		{name: "SYN, TSval equal, ISN smaller", flags: syn, seq: -9, want: Reply},
		{name: "SYN, TSval equal, ISN equal", flags: syn, want: Reply},
		{name: "SYN, TSval smaller, ISN larger", flags: syn, seq: 9, stamp: -1, want: Reply, restart: true},
		{name: "SYN, TSval smaller, ISN smaller", flags: syn, seq: -9, stamp: -1, want: Reply, restart: true},
		{name: "ACK at rcv_nxt, old TSval", flags: ack, stamp: -1, want: Reply, restart: true},
		{name: "RST, old TSval", flags: rst, stamp: -1, want: Ignore},
		{name: "RST with data, old TSval", flags: rst, stamp: -1, payload: 3, want: Ignore},
		{name: "no flags, old TSval", payload: 3, stamp: -1, want: Reply, restart: true},
	}
	bare := []row{
		{name: "SYN without TS, ISN larger", flags: syn, seq: 1, want: Reopen},
		{name: "SYN without TS, ISN equal", flags: syn, want: Reply},
		{name: "SYN without TS, ISN smaller", flags: syn, seq: -1, want: Reply},
	}
	// These go by sequence number and flags alone.
	both := []row{
		{name: "SYN+ACK", flags: syn | ack, seq: 9, want: Reply, restart: true},
		{name: "SYN+RST", flags: syn | rst, seq: 9, want: Ignore},
		{name: "RST at rcv_nxt", flags: rst, want: Killed},
		{name: "RST+ACK at rcv_nxt", flags: rst | ack, want: Killed},
		{name: "RST with data at rcv_nxt", flags: rst, payload: 5, want: Killed},
		{name: "RST at rcv_nxt, rfc1337", flags: rst, rfc1337: true, want: Ignore},
		{name: "RST before rcv_nxt", flags: rst, seq: -1, want: Ignore},
		{name: "RST after rcv_nxt", flags: rst, seq: 1, want: Ignore},
		{name: "old data", flags: ack | psh, seq: -10, payload: 9, want: Reply, restart: true},
		{name: "new data", flags: ack | psh, payload: 9, want: Reply, restart: true},
		{name: "duplicate FIN", flags: fin | ack, seq: -1, want: Reply, restart: true},
		{name: "FIN at rcv_nxt", flags: fin | ack, want: Reply, restart: true},
		{name: "ACK at seq-1", flags: ack, seq: -1, want: Reply, restart: true},
		{name: "ACK at rcv_nxt", flags: ack, want: Ignore, restart: true},
		{name: "no flags at rcv_nxt", want: Ignore, restart: true},
		{name: "no flags, elsewhere", seq: -1, want: Reply},
		{name: "data without ACK", payload: 1, want: Reply},
	}
	// Segments and connections, each with and without timestamps: where either
	// has none, only sequence numbers count.
	check := func(t *testing.T, tuple segment.Tuple, rows []row, connHas, segHas bool) {
		for _, r := range rows {
			t.Run(fmt.Sprintf("%s/conn=%v,seg=%v", r.name, connHas, segHas), func(t *testing.T) {
				s := from(tuple, r.flags, r.seq, r.payload)
				if segHas {
					stamped(s, r.stamp)
				}
				verdict(t, s, connHas, r.rfc1337, r.want, r.restart)
			})
		}
	}
	eachVersion(t, func(t *testing.T, tuple segment.Tuple) {
		check(t, tuple, with, true, true)
		check(t, tuple, bare, true, false)
		for _, old := range []int{-1, 0, 1} { // an old connection without TS
			for i := range bare {
				bare[i].stamp = old
			}
			check(t, tuple, bare, false, true)
		}
		check(t, tuple, bare, false, false)
		for _, has := range []bool{false, true} {
			check(t, tuple, both, has, false)
			check(t, tuple, both, has, true)
		}
	})
}

// verdict has one segment arrive ten seconds into TIME_WAIT.
func verdict(t *testing.T, s *segment.Segment, stamps, rfc1337 bool, want Verdict, restart bool) {
	t.Helper()
	const start, later = 100 * time.Second, 110 * time.Second
	var gone []segment.Tuple
	tab := New(func(t segment.Tuple) { gone = append(gone, t) })
	tuple := s.Reverse()
	tab.Add(recordOf(tuple, stamps, start), life, start)
	v, r := tab.Arrive(s, later, &Rules{Life: life, RFC1337: rfc1337, RateLimit: limit})
	if v != want {
		t.Fatalf("%v, want %v", v, want)
	}
	left := life - 10*time.Second
	if restart {
		left = life
	}
	if r.Left != left {
		t.Errorf("%v left of 2MSL, want %v", r.Left, left)
	}
	if r.SndNxt != sndNxt || r.RcvNxt != rcvNxt || r.Window != 512 || r.Tuple != tuple || r.HasTimestamps != stamps {
		t.Errorf("the record came out as %#v", r)
	}
	if stamps && r.TSVal != ourTS+10_000 {
		t.Errorf("TSval %d, want %d ms more than %d", r.TSVal, 10_000, ourTS)
	}
	if kept := tab.Len() == 1; kept == (want == Killed) || kept == (len(gone) == 1) {
		t.Errorf("%d records, and %v reported gone", tab.Len(), gone)
	}
}

// A segment at rcv_nxt is the peer's latest, and so is its timestamp.
func TestTimestampHeardAtRcvNxt(t *testing.T) {
	eachVersion(t, func(t *testing.T, tuple segment.Tuple) {
		for _, flags := range []segment.Flags{ack, rst} {
			tab := New(nil)
			tab.Add(recordOf(tuple, true, 0), life, 0)
			ru := &Rules{Life: life, RFC1337: true}
			heard := stamped(from(tuple, flags, 0, 0), 10)
			_, r := tab.Arrive(heard, 7*time.Second, ru)
			if r.TSRecent != heard.TSVal || r.Heard != 7*time.Second {
				t.Errorf("%v at rcv_nxt: TSRecent %d heard at %v", flags, r.TSRecent, r.Heard)
			}
			_, r = tab.Arrive(stamped(from(tuple, flags, 1, 0), 20), 8*time.Second, ru)
			if r.TSRecent != heard.TSVal || r.Heard != 7*time.Second {
				t.Errorf("%v elsewhere: TSRecent %d heard at %v", flags, r.TSRecent, r.Heard)
			}
			if v, _ := tab.Arrive(stamped(from(tuple, syn, 9, 0), 9), 9*time.Second, ru); v != Reply {
				t.Errorf("a SYN older than what was heard since: %v", v)
			}
		}
	})
}

// An old timestamp protects from a RST for as long as old duplicates live.
func TestRSTWithOldTimestampAfterAMinute(t *testing.T) {
	for _, tt := range []struct {
		at   time.Duration
		want Verdict
	}{{stampLife - time.Millisecond, Ignore}, {stampLife, Killed}} {
		tab, tuple := New(nil), tupleOf(4, 1)
		tab.Add(recordOf(tuple, true, 0), 2*life, 0)
		if v, _ := tab.Arrive(stamped(from(tuple, rst, 0, 0), -1), tt.at, &Rules{Life: life}); v != tt.want {
			t.Errorf("RST after %v: %v, want %v", tt.at, v, tt.want)
		}
	}
}

// A peer that puts 0 in its last timestamp has given no measure.
func TestRecentTimestampOfZeroRejectsNothing(t *testing.T) {
	tab, tuple := New(nil), tupleOf(4, 1)
	r := recordOf(tuple, true, 0)
	r.TSRecent = 0
	tab.Add(r, life, 0)
	s := from(tuple, syn, 9, 0)
	s.HasTimestamps, s.TSVal = true, 0xffff_0000
	if v, _ := tab.Arrive(s, 0, &Rules{Life: life}); v != Reopen {
		t.Errorf("%v", v)
	}
}

func TestRateLimit(t *testing.T) {
	eachVersion(t, func(t *testing.T, tuple segment.Tuple) {
		tab := New(nil)
		tab.Add(recordOf(tuple, false, 0), life, 0)
		ru := &Rules{Life: life, RateLimit: limit}
		for i, step := range []struct {
			at    time.Duration
			flags segment.Flags
			len   int
			want  Verdict
		}{
			{0, ack | psh, 9, Reply}, // data does not count
			{1, ack, 0, Reply},
			{1, ack, 0, Limited},
			{2, syn, 0, Limited},
			{2, syn | ack, 9, Limited}, // nor does data free a SYN
			{3, fin | ack, 0, Reply},
			{3, ack, 9, Reply},
			{500, ack, 0, Limited},
			{501, syn, 0, Reply},
			{1000, ack, 0, Limited}, // what was limited does not count either
			{1001, ack, 0, Reply},
		} {
			s := from(tuple, step.flags, -20, step.len)
			v, r := tab.Arrive(s, step.at*time.Millisecond, ru)
			if v != step.want {
				t.Errorf("step %d, %v at %d ms: %v, want %v", i, step.flags, step.at, v, step.want)
			}
			if step.flags.Has(ack) && r.Left != life {
				t.Errorf("step %d: %v left: the limit must not keep 2MSL from restarting", i, r.Left)
			}
		}
		ru.RateLimit = 0
		if v, _ := tab.Arrive(from(tuple, ack, -1, 0), 1001*time.Millisecond, ru); v != Reply {
			t.Errorf("without a limit: %v", v)
		}
		ru.RateLimit = limit
		tab.Add(recordOf(tuple, false, 0), life, 1001*time.Millisecond)
		if v, _ := tab.Arrive(from(tuple, ack, -1, 0), 1001*time.Millisecond, ru); v != Reply {
			t.Errorf("a new connection of the same tuple: %v", v)
		}
	})
}

func TestUnknown(t *testing.T) {
	tab, tuple := New(nil), tupleOf(4, 1)
	ru := &Rules{Life: life}
	if v, _ := tab.Arrive(from(tuple, ack, 0, 0), 0, ru); v != Unknown {
		t.Errorf("in an empty table: %v", v)
	}
	tab.Add(recordOf(tuple, false, 0), life, 0)
	for _, other := range []segment.Tuple{tupleOf(4, 2), tupleOf(6, 1), tuple.Reverse()} {
		if v, _ := tab.Arrive(from(other, ack, 0, 0), 0, ru); v != Unknown {
			t.Errorf("%v: %v", other, v)
		}
	}
}
