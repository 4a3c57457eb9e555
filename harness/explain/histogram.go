package explain

import (
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

// bucket is where a duration of so many microseconds is counted.
func bucket(us uint64) int {
	if us < 1<<subBits {
		return int(us)
	}
	shift := bits.Len64(us) - subBits - 1
	return shift<<subBits + int(us>>shift)
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
	b := bucket(uint64(d.Microseconds()))
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
