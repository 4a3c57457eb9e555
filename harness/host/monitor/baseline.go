package monitor

import "time"

// A baseline has a number every baselineStep, for a day, of each of the owners that hold
// most in CLOSE_WAIT: some 1.2 KiB an owner.
const (
	baselineStep  = 5 * time.Minute
	baselineSlots = 288
	// ownersEach are those of a target that are noted, the ones with most.
	ownersEach = 32
	// MaxOwners are remembered, of all targets together; those unseen for longest are
	// forgotten.
	MaxOwners = 1024
	// compareWith is how long ago the number is that the present one is held against, and
	// compareLeast where there is none so old.
	compareWith  = time.Hour
	compareLeast = 10 * time.Minute
)

// Baseline remembers how many connections in CLOSE_WAIT each owner held, in bounded memory,
// so that a slow leak shows. Make it with NewBaseline. It is for one goroutine.
type Baseline struct {
	owners map[ownerKey]*history
	seen   map[string]map[string]time.Time // of each target, since when which connection is seen
}

type ownerKey struct {
	target, process string
	pid             int
}

// history is a ring of numbers; that of the step k, counted from 1970, is in slots[k%baselineSlots].
// A step that nobody looked in has the number before.
type history struct {
	first, last int64 // steps
	slots       [baselineSlots]uint32
}

// NewBaseline remembers nothing yet.
func NewBaseline() *Baseline {
	return &Baseline{owners: map[ownerKey]*history{}, seen: map[string]map[string]time.Time{}}
}

func step(t time.Time) int64 { return t.UnixNano() / int64(baselineStep) }

// add notes the number of now.
func (b *Baseline) add(now time.Time, key ownerKey, n int) *history {
	k := step(now)
	h := b.owners[key]
	switch {
	case h == nil:
		b.makeRoom()
		h = &history{first: k, last: k}
		b.owners[key] = h
	case k < h.last, k-h.last >= baselineSlots: // the clock was set back, or nobody looked
		*h = history{first: k, last: k}
	}
	before := h.slots[h.last%baselineSlots]
	for j := h.last + 1; j < k; j++ {
		h.slots[j%baselineSlots] = before
	}
	h.slots[k%baselineSlots] = uint32(min(n, 1<<31))
	h.last = k
	h.first = max(h.first, k-baselineSlots+1)
	return h
}

func (b *Baseline) makeRoom() {
	if len(b.owners) < MaxOwners {
		return
	}
	var oldest *ownerKey
	for key, h := range b.owners {
		if oldest == nil || h.last < b.owners[*oldest].last {
			oldest = &key
		}
	}
	delete(b.owners, *oldest)
}

// before is the number of compareWith ago, or the oldest there is; ok is false if that is
// not old enough to say anything.
func (h *history) before(now time.Time) (n int, ago time.Duration, ok bool) {
	k := max(step(now)-int64(compareWith/baselineStep), h.first)
	ago = time.Duration(step(now)-k) * baselineStep
	return int(h.slots[k%baselineSlots]), ago, ago >= compareLeast
}

// compare notes what each owner of a target holds, and what it held before.
func (b *Baseline) compare(now time.Time, target string, list []Holder) {
	present := map[ownerKey]bool{}
	for i := range list[:min(len(list), ownersEach)] {
		h := &list[i]
		key := ownerKey{target, h.Process, h.PID}
		present[key] = true
		past := b.add(now, key, h.Count)
		if n, ago, ok := past.before(now); ok {
			more := h.Count - n
			h.MoreThanBefore, h.BeforeMS = &more, ago.Milliseconds()
		}
	}
	for key, h := range b.owners {
		// Once: what nobody looks for again is to grow old.
		if key.target == target && !present[key] && h.slots[h.last%baselineSlots] != 0 {
			b.add(now, key, 0)
		}
	}
}

// Forget drops the connections of a target that is gone.
func (b *Baseline) Forget(target string) { delete(b.seen, target) }

// Remember makes the tracker go on where the baseline's target was left, and keep it up to
// date. It is called before the first Report.
func (t *Tracker) Remember(b *Baseline, target string) {
	t.baseline, t.target = b, target
	t.held = b.seen[target]
}
