package explain

// tally counts by key for as many keys as limit, of which the busiest matter.
// Where there are more, the keys that were counted least are given up: what is
// left is as good as complete for keys that were counted often.
type tally[K comparable, V any] struct {
	limit  int
	counts map[K]*counted[V]
	lost   bool // keys were given up
}

type counted[V any] struct {
	n int
	v V
}

func newTally[K comparable, V any](limit int) tally[K, V] {
	return tally[K, V]{limit: limit, counts: map[K]*counted[V]{}}
}

// count counts the key once more, and returns what is kept for it.
func (t *tally[K, V]) count(k K) *counted[V] {
	return t.more(k, 1)
}

// more counts the key n times more.
func (t *tally[K, V]) more(k K, n int) *counted[V] {
	c := t.counts[k]
	if c == nil {
		for floor := 1; len(t.counts) >= t.limit; floor *= 2 {
			t.giveUp(floor)
		}
		c = &counted[V]{}
		t.counts[k] = c
	}
	c.n += n
	return c
}

// giveUp forgets the keys that were counted no more often than floor.
func (t *tally[K, V]) giveUp(floor int) {
	t.lost = true
	for k, c := range t.counts {
		if c.n <= floor {
			delete(t.counts, k)
		}
	}
}
