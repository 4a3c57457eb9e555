package explain

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"time"
)

// histogram counts durations in buckets that grow with the duration, so that a
// percentile of millions is known to 3% and takes at most 2.6 KiB. The zero value
// is empty.
type histogram struct {
	counts []uint32 // by bucket, as long as needed
	n      int
	max    time.Duration
}

// Each doubling of the duration has 16 buckets; the first ones are a microsecond
// wide.
const subBits = 4

// bucket is where a duration of so many microseconds is counted, with 1<<sub buckets for
// each doubling.
func bucket(us uint64, sub int) int {
	if us < 1<<sub {
		return int(us)
	}
	shift := bits.Len64(us) - sub - 1
	return shift<<sub + int(us>>shift)
}

// middle is a duration in the middle of a bucket.
func middle(b int) time.Duration {
	if b < 1<<subBits {
		return time.Duration(b) * time.Microsecond
	}
	shift := b>>subBits - 1
	low := uint64(b&(1<<subBits-1)|1<<subBits) << shift
	return time.Duration(low+(1<<shift)/2) * time.Microsecond
}

// add counts one duration; negative ones mean that there was none.
func (h *histogram) add(d time.Duration) {
	if d < 0 {
		return
	}
	b := bucket(uint64(d.Microseconds()), subBits)
	if b >= len(h.counts) {
		h.counts = append(h.counts, make([]uint32, b+1-len(h.counts))...)
	}
	h.counts[b]++
	h.n++
	h.max = max(h.max, d)
}

// percentile is the duration that p percent do not exceed, and false where
// nothing was counted.
func (h *histogram) percentile(p int) (time.Duration, bool) {
	if h.n == 0 {
		return 0, false
	}
	rank := max(1, (h.n*p+99)/100)
	for b, c := range h.counts {
		if rank -= int(c); rank <= 0 {
			return min(middle(b), h.max), true
		}
	}
	return h.max, true
}

// maxBuckets is more than the longest duration there is needs.
const maxBuckets = 1024

// merge adds what another has counted.
func (h *histogram) merge(o *histogram) {
	if more := len(o.counts) - len(h.counts); more > 0 {
		h.counts = append(h.counts, make([]uint32, more)...)
	}
	for b, c := range o.counts {
		h.counts[b] += c
	}
	h.n, h.max = h.n+o.n, max(h.max, o.max)
}

// histogramJSON is a histogram in a file: pairs of a bucket and its count.
type histogramJSON struct {
	Max    time.Duration `json:"max_ns"`
	Counts [][2]uint32   `json:"counts"`
}

// MarshalJSON writes the buckets that are not empty.
func (h *histogram) MarshalJSON() ([]byte, error) {
	out := histogramJSON{h.max, [][2]uint32{}}
	for b, c := range h.counts {
		if c > 0 {
			out.Counts = append(out.Counts, [2]uint32{uint32(b), c})
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing else.
func (h *histogram) UnmarshalJSON(text []byte) error {
	var in histogramJSON
	if err := strict(text, &in); err != nil {
		return err
	}
	*h = histogram{max: in.Max}
	for _, c := range in.Counts {
		b := int(c[0])
		if b < len(h.counts) || b >= maxBuckets || c[1] == 0 || in.Max < 0 {
			return fmt.Errorf("a histogram has %d in bucket %d", c[1], b)
		}
		h.counts = append(h.counts, make([]uint32, b+1-len(h.counts))...)
		h.counts[b] = c[1]
		h.n += int(c[1])
	}
	return nil
}
