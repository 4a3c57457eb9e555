package ladder

import (
	"math/rand/v2"
	"strings"
	"testing"

	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
)

// FuzzRender: whatever the connection, the drawing keeps to its width.
func FuzzRender(f *testing.F) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		data := make([]byte, 6*(1+rnd.IntN(60)))
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		f.Add(data, int(seed), seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, data []byte, width int, full bool) {
		width %= 300
		tb := teardown.NewTable(teardown.Config{OnForget: func(c *teardown.Conn) {
			r := c.Report()
			out := Render(&r, Config{Width: width, Full: full})
			limit := max(width, 40)
			if width == 0 {
				limit = 80
			}
			for l := range strings.Lines(out) {
				if len(l) > limit+1 {
					t.Errorf("%d columns, want at most %d: %q", len(l)-1, limit, l)
				}
			}
		}})
		recs := teardowntest.FromBytes(data)
		for i := range recs {
			tb.Add(&recs[i])
		}
		tb.Flush()
	})
}
