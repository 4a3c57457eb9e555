package teardown_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// TestSplit: Tables that have the connections between them, each in a goroutine of its own,
// come to what one Table comes to, and all connections are numbered as there.
func TestSplit(t *testing.T) {
	recs := crowd(t, rand.New(rand.NewPCG(12, 12)), 600)
	verdict := func(c *teardown.Conn) string { return fmt.Sprintf("%d %+v", c.Number(), c.Verdict()) }
	var want []string
	tb := teardown.NewTable(teardown.Config{OnForget: func(c *teardown.Conn) { want = append(want, verdict(c)) }})
	for _, r := range recs {
		tb.Add(&r)
	}
	open, done := tb.Len()
	now := tb.Now()
	tb.Flush()

	type begun struct {
		c  *teardown.Conn
		at int
	}
	var all [teardown.Lanes][]begun
	var at [teardown.Lanes]int
	var left [teardown.Lanes][]*teardown.Conn
	s := teardown.NewSplit(func(lane int) teardown.Config {
		return teardown.Config{
			OnBegin:  func(c *teardown.Conn, _ bool) { all[lane] = append(all[lane], begun{c, at[lane]}) },
			OnForget: func(c *teardown.Conn) { left[lane] = append(left[lane], c) },
		}
	})
	var of [teardown.Lanes][]int
	for i := range recs {
		s.Prepare(&recs[i])
		lane := s.Lane(&recs[i].Seg.Tuple)
		of[lane] = append(of[lane], i)
	}
	var beside sync.WaitGroup
	for lane := range of {
		beside.Go(func() {
			for _, i := range of[lane] {
				at[lane] = i
				s.Of(&recs[i]).Add(&recs[i])
			}
		})
	}
	beside.Wait()
	for lane := range of {
		if n := len(all[lane]); n < len(want)/3 {
			t.Errorf("lane %d has %d of %d connections", lane, n, len(want))
		}
	}
	ordered := slices.Concat(all[0], all[1])
	slices.SortFunc(ordered, func(a, b begun) int { return a.at - b.at })
	for i, b := range ordered {
		b.c.SetNumber(i + 1)
	}
	if held := s.All(); len(held) != open+done || !slices.IsSortedFunc(held, func(a, b *teardown.Conn) int { return a.Number() - b.Number() }) {
		t.Errorf("%d connections are held, want %d, in another order", len(held), open+done)
	}
	s.All() // which brings all to one time
	if !s.Now().Equal(now) || !s.Table(0).Now().Equal(now) || !s.Table(1).Now().Equal(now) {
		t.Errorf("it is %v, %v, %v; want %v", s.Now(), s.Table(0).Now(), s.Table(1).Now(), now)
	}
	s.Flush()
	var got []string
	for _, c := range slices.Concat(left[0], left[1]) {
		got = append(got, verdict(c))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d connections, want %d, or other verdicts", len(got), len(want))
	}
}

// TestLane: both directions of a connection go one way, in every run the same, and neither
// ports of one parity nor addresses in a row all go to one.
func TestLane(t *testing.T) {
	s := teardown.NewSplit(func(int) teardown.Config { return teardown.Config{} })
	other := teardown.NewSplit(func(int) teardown.Config { return teardown.Config{} })
	tuple := func(ip byte, from, to uint16) (t segment.Tuple) {
		t.Src.Addr[15], t.Src.Port, t.Dst.Addr[15], t.Dst.Port = ip, from, 1, to
		return t
	}
	count := func(what string, one func(i int) segment.Tuple) {
		t.Helper()
		n := 0
		for i := range 1000 {
			tu := one(i)
			back := tu.Reverse()
			if s.Lane(&tu) != s.Lane(&back) || s.Lane(&tu) != other.Lane(&tu) {
				t.Fatalf("%s: %v goes two ways", what, tu)
			}
			n += s.Lane(&tu)
		}
		if n < 350 || n > 650 {
			t.Errorf("%s: %d of 1,000 go to the second Table", what, n)
		}
	}
	count("even ports", func(i int) segment.Tuple { return tuple(2, uint16(32768+2*i), 443) })
	count("ports in a row", func(i int) segment.Tuple { return tuple(2, uint16(32768+i), 443) })
	count("addresses in a row", func(i int) segment.Tuple { return tuple(byte(i), uint16(40000+i/256), 80) })
}

// TestLaneOf: what a look at a packet says is what its segment says, and what takes more
// than a look has no lane.
func TestLaneOf(t *testing.T) {
	s := teardown.NewSplit(func(int) teardown.Config { return teardown.Config{} })
	var seg segment.Segment
	check := func(packet []byte) {
		t.Helper()
		if err := seg.Decode(packet, len(packet)); err != nil {
			t.Fatal(err)
		}
		if lane, ok := s.LaneOf(packet); !ok || lane != s.Lane(&seg.Tuple) {
			t.Fatalf("%v: lane %d (%v), want %d", seg.Tuple, lane, ok, s.Lane(&seg.Tuple))
		}
	}
	for i := range 1000 {
		v4 := append([]byte{0x45, 3: 40, 8: 64, 9: 6, 12: 10, 14: byte(i), 15: 1, 16: 10, 19: 2, 20: byte(i >> 3), 21: byte(i), 23: 80}, make([]byte, 16)...)
		v4[32] = 0x50
		check(v4)
		longer := append(append([]byte{0x46}, v4[1:20]...), append([]byte{1, 1, 1, 1}, v4[20:]...)...) // with options
		longer[3] = 44
		check(longer)
		check(append([]byte{0x60, 5: 20, 6: 6, 7: 64, 8: 0x20, 9: 1, 22: byte(i), 23: 1, 24: 0x20, 39: 2}, v4[20:]...))
		v4[6] = 0x20 // more fragments
		if _, ok := s.LaneOf(v4); ok {
			t.Fatal("a fragment has a lane")
		}
		for _, none := range [][]byte{longer[:27], v4[:23], {}, append([]byte{0x60, 39: 0}, v4[20:]...)} {
			if _, ok := s.LaneOf(none); ok {
				t.Fatalf("% x has a lane", none)
			}
		}
	}
}
