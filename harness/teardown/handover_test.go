package teardown_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"lastack/harness/teardown"
)

// TestHandOver: a connection that was forgotten stays as it was, whatever the Table does
// next, until it is taken back; another goroutine may look at it meanwhile.
func TestHandOver(t *testing.T) {
	recs := crowd(t, rand.New(rand.NewPCG(9, 9)), 500)
	verdict := func(c *teardown.Conn) string {
		return fmt.Sprintf("%d %+v %+v", c.Number(), c.Verdict(), c.Detail(time.Time{}).ResetCause)
	}
	var want []string
	tb := teardown.NewTable(teardown.Config{Remember: 20, OnForget: func(c *teardown.Conn) { want = append(want, verdict(c)) }})
	for i := range recs {
		tb.Add(&recs[i])
	}
	tb.Flush()

	var got []string
	var beside sync.WaitGroup
	left := make(chan *teardown.Conn, 64)
	back := make(chan *teardown.Conn, len(want))
	beside.Go(func() {
		for c := range left {
			got = append(got, verdict(c))
			back <- c
		}
	})
	tb = teardown.NewTable(teardown.Config{
		Remember: 20, Lean: true, Recycle: true, HandOver: true, OnForget: func(c *teardown.Conn) { left <- c },
	})
	beside.Go(func() {
		for range 20 {
			tb.Reserve()
		}
	})
	for i := range recs {
		tb.Add(&recs[i])
		for len(back) > 0 {
			c := <-back
			tb.TakeBack(c)
			tb.TakeBack(c) // once is enough
		}
	}
	tb.Flush()
	close(left)
	beside.Wait()
	if !slices.Equal(got, want) {
		t.Errorf("%d verdicts, want %d, or others", len(got), len(want))
	}
}

// TestFlushOrder: connections that are far apart leave in the order in which they began,
// as those do that follow each other.
func TestFlushOrder(t *testing.T) {
	recs := script(t, threeWay)
	for _, between := range []int{1, 100} {
		var numbers []int
		tb := teardown.NewTable(teardown.Config{Remember: -1, OnForget: func(c *teardown.Conn) { numbers = append(numbers, c.Number()) }})
		first := recs[0]
		for port := range uint16(3) {
			r := first
			r.Seg.Src.Port = 100 + port
			tb.Add(&r)
			for range between {
				for _, r := range recs {
					tb.Add(&r)
				}
			}
		}
		numbers = nil
		tb.Flush()
		if want := []int{1, 2 + between, 3 + 2*between}; !slices.Equal(numbers, want) {
			t.Errorf("with %d between: %v leave, want %v", between, numbers, want)
		}
	}
}
