package impair

import (
	"slices"
	"testing"

	"lastack/stack/segment"
)

func seg(from From, flags segment.Flags, n int, acksFIN bool) *Segment {
	s := &segment.Segment{Flags: flags, PayloadLen: n}
	s.Src.Port, s.Dst.Port = 40000, 80
	return &Segment{Segment: s, From: from, AcksFIN: acksFIN}
}

func rules(t *testing.T, lines ...string) []Rule {
	t.Helper()
	var out []Rule
	for _, l := range lines {
		r, err := Parse(l)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// TestKinds holds each kind against one segment of every sort.
func TestKinds(t *testing.T) {
	const a = segment.ACK
	segs := map[string]*Segment{
		"SYN":           seg(Peer, segment.SYN, 0, false),
		"SYN with data": seg(Peer, segment.SYN, 9, false),
		"SYN+ACK":       seg(Host, segment.SYN|a, 0, false),
		"ACK":           seg(Peer, a, 0, false),
		"data":          seg(Peer, segment.PSH|a, 5, false),
		"FIN":           seg(Peer, segment.FIN|a, 0, false),
		"FIN with data": seg(Peer, segment.FIN|a, 5, false),
		"FIN of both":   seg(Host, segment.FIN|a, 0, true),
		"data of both":  seg(Host, a, 5, true),
		"last ACK":      seg(Peer, a, 0, true),
		"RST":           seg(Host, segment.RST, 0, false),
	}
	for kind, want := range map[string][]string{
		"SYN from either":              {"SYN", "SYN with data"},
		"SYN+ACK from either":          {"SYN+ACK"},
		"FIN from either":              {"FIN", "FIN of both", "FIN with data"},
		"FIN from host":                {"FIN of both"},
		"RST from either":              {"RST"},
		"RST from peer":                nil,
		"data from either":             {"FIN with data", "SYN with data", "data", "data of both"},
		"pure ACK from either":         {"ACK", "last ACK"},
		"ACK of a FIN from either":     {"FIN of both", "data of both", "last ACK"},
		"pure ACK of a FIN from peer":  {"last ACK"},
		"data from peer on port 80":    {"FIN with data", "SYN with data", "data"},
		"data from peer on port 40000": {"FIN with data", "SYN with data", "data"},
		"data from peer on port 81":    nil,
		"segments from host":           {"FIN of both", "RST", "SYN+ACK", "data of both"},
	} {
		var got []string
		for name, s := range segs {
			if NewSet(rules(t, "drop "+kind), 0).Judge(s, nil) != nil {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
}

// TestPicks: which of twelve segments in turn of two connections, and of none, a
// rule picks.
func TestPicks(t *testing.T) {
	for line, want := range map[string][]int{
		"drop every FIN from peer":             {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
		"drop the 2nd FIN from peer":           {4, 5},
		"drop the first 2 FINs from peer":      {1, 2, 4, 5},
		"drop every 2nd FIN from peer":         {4, 5, 10, 11},
		"drop the 3rd of all FINs from peer":   {3},
		"drop every 5th of all FINs from peer": {5, 10},
	} {
		set := NewSet(rules(t, line), 0)
		conns := []*Counts{{}, {}, nil}
		var got []int
		for i := range 12 {
			if set.Judge(seg(Peer, segment.FIN, 0, false), conns[i%3]) != nil {
				got = append(got, i+1)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
}

// TestFirstRuleWins, and the others count nonetheless.
func TestFirstRuleWins(t *testing.T) {
	set := NewSet(rules(t, "drop the 1st FIN from peer", "duplicate the 2nd segment from peer"), 0)
	var c Counts
	fin := seg(Peer, segment.FIN, 0, false)
	if r := set.Judge(fin, &c); r == nil || r.Action != Drop {
		t.Errorf("the first: %v", r)
	}
	if r := set.Judge(fin, &c); r == nil || r.Action != Duplicate {
		t.Errorf("the second: %v", r)
	}
	if r := set.Judge(fin, &c); r != nil {
		t.Errorf("the third: %v", r)
	}
}

func TestAnotherSetCountsAnew(t *testing.T) {
	var c Counts
	for range 2 {
		set := NewSet(rules(t, "drop the 1st FIN from peer"), 0)
		if set.Judge(seg(Peer, segment.FIN, 0, false), &c) == nil {
			t.Error("the first FIN of the set passed")
		}
	}
}

// TestRandomLossIsOfItsSeed: the same with the same seed, about as much with any.
func TestRandomLossIsOfItsSeed(t *testing.T) {
	const n = 20_000
	losses := func(seed uint64, lines ...string) (lost []int) {
		set := NewSet(rules(t, lines...), seed)
		for i := range n {
			if r := set.Judge(seg(Peer, segment.ACK, 0, false), nil); r != nil && r.Picks == Percent {
				lost = append(lost, i)
			}
		}
		return lost
	}
	const rule = "drop 5% of segments from either"
	first := losses(1, rule)
	if got := len(first); got < n*4/100 || got > n*6/100 {
		t.Errorf("5%% of %d are %d", n, got)
	}
	if !slices.Equal(first, losses(1, rule)) {
		t.Error("the same seed lost others")
	}
	if slices.Equal(first, losses(2, rule)) {
		t.Error("another seed lost the same")
	}
	if !slices.Equal(first, losses(1, "drop 7% of FINs from either", rule)) {
		t.Error("another rule changed what is lost")
	}
}
