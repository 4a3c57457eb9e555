package teardown

import (
	"cmp"
	"slices"
)

// Flush forgets every connection, in the order of their first segments.
func (t *Table) Flush() {
	for range 2 { // forgetting one may begin another, with a SYN that was in doubt
		all, doubts := t.sorted()
		if doubts {
			for _, e := range all {
				t.forget(e.entry)
			}
			continue
		}
		t.half, t.open, t.done = list{}, list{}, list{}
		t.index.clear()
		for i, e := range all {
			if i+1 < len(all) {
				t.warm(all[i+1].entry)
			}
			e.chain, e.prev, e.next = nil, nil, nil
			t.leave(e.entry)
		}
	}
}

// numbered is an entry that can be put in order without a look at it.
type numbered struct {
	ordinal uint64
	*entry
}

// place puts entries in order without comparing them, if their numbers are not far apart.
func (t *Table) place(all []numbered) bool {
	least := t.serial
	for i := range all {
		least = min(least, all[i].ordinal)
	}
	if t.serial-least > 4*uint64(len(all)) {
		return false
	}
	at := make([]*entry, t.serial-least+1)
	for _, e := range all {
		at[e.ordinal-least] = e.entry
	}
	n := 0
	for i, e := range at {
		if e != nil {
			all[n] = numbered{least + uint64(i), e}
			n++
		}
	}
	return true
}

// sorted is every entry in the order of their first segments, and whether there is a
// doubt about any.
func (t *Table) sorted() (all []numbered, doubts bool) {
	all = make([]numbered, 0, t.index.n)
	for _, e := range t.index.buckets { // the lists would be waited for, one entry after the other
		for ; e != nil; e = e.chain {
			all = append(all, numbered{e.ordinal, e})
			doubts = doubts || e.doubt != nil
		}
	}
	if !t.place(all) {
		slices.SortFunc(all, func(a, b numbered) int { return cmp.Compare(a.ordinal, b.ordinal) })
	}
	return all, doubts
}
