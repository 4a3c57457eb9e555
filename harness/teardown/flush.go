package teardown

import (
	"cmp"
	"slices"
)

// Flush forgets every connection, in the order of their first segments.
func (t *Table) Flush() { flush(t) }

// flush empties Tables, all of whose connections are numbered.
func flush(tables ...*Table) {
	for range 2 { // forgetting one may begin another, with a SYN that was in doubt
		all, doubts := sorted(tables)
		if doubts {
			for _, e := range all {
				e.table.forget(e.entry)
			}
			continue
		}
		for _, t := range tables {
			t.half, t.open, t.done = list{}, list{}, list{}
			t.index.clear()
		}
		for i, e := range all {
			if i+1 < len(all) {
				e.table.warm(all[i+1].entry)
			}
			e.chain, e.prev, e.next = nil, nil, nil
			e.table.leave(e.entry)
		}
	}
}

// everyOf is every connection of Tables, in the order of their first segments.
func everyOf(tables ...*Table) []*Conn {
	sorted, _ := sorted(tables)
	all := make([]*Conn, 0, len(sorted))
	for _, e := range sorted {
		all = append(all, &e.Conn)
	}
	return all
}

// numbered is an entry that can be put in order without a look at it.
type numbered struct {
	ordinal uint64
	*entry
	table *Table
}

// place puts entries in order without comparing them, if their numbers are not far apart.
func place(all []numbered) bool {
	if len(all) == 0 {
		return true
	}
	least, most := all[0].ordinal, all[0].ordinal
	for i := range all {
		least, most = min(least, all[i].ordinal), max(most, all[i].ordinal)
	}
	if most-least > 4*uint64(len(all)) {
		return false
	}
	at := make([]numbered, most-least+1)
	for _, e := range all {
		at[e.ordinal-least] = e
	}
	all = all[:0]
	for _, e := range at {
		if e.entry != nil {
			all = append(all, e)
		}
	}
	return true
}

// sorted is every entry in the order of their first segments, and whether there is a
// doubt about any.
func sorted(tables []*Table) (all []numbered, doubts bool) {
	n := 0
	for _, t := range tables {
		n += t.index.n
	}
	all = make([]numbered, 0, n)
	for _, t := range tables {
		for _, e := range t.index.buckets { // the lists would be waited for, one entry after the other
			for ; e != nil; e = e.chain {
				all = append(all, numbered{e.ordinal, e, t})
				doubts = doubts || e.doubt != nil
			}
		}
	}
	if !place(all) {
		slices.SortFunc(all, func(a, b numbered) int { return cmp.Compare(a.ordinal, b.ordinal) })
	}
	return all, doubts
}
