package teardown

// fresh is an empty entry, if possible one that was used before.
func (t *Table) fresh() *entry {
	e := t.free
	switch {
	case e != nil:
		t.free = e.next
		*e = entry{}
	case !t.cfg.Recycle: // or one would keep all of its slab
		e = &entry{}
	default:
		if len(t.slab) == 0 {
			select {
			case t.slab = <-t.reserve:
			default:
				t.slab = make([]entry, slabSize)
			}
		}
		e, t.slab = &t.slab[0], t.slab[1:]
	}
	if e.home = e; t.free != nil {
		t.warmth += t.free.hash // the next one
	}
	if n := len(t.logs); n > 0 {
		e.log.events, t.logs = t.logs[n-1], t.logs[:n-1]
	}
	return e
}

// Reserve makes room for connections that may come, so that Add need not: the first use of
// memory takes the system longer than a segment takes Add. Any goroutine may call it.
func (t *Table) Reserve() {
	for t.cfg.Recycle && len(t.reserve) < cap(t.reserve) {
		slab := make([]entry, slabSize)
		for i := range slab {
			slab[i].ordinal = 0 // the system gives a page when it is written to
		}
		select {
		case t.reserve <- slab:
		default:
			return
		}
	}
}

// TakeBack lets the Table use a connection's memory again, with Config.HandOver; nobody may
// keep the Conn any longer.
func (t *Table) TakeBack(c *Conn) {
	e := c.home
	if e == nil {
		return
	}
	t.drop(c)
	c.home = nil
	e.next, t.free = t.free, e
}

// drop takes the lines from a connection, for the next one.
func (t *Table) drop(c *Conn) {
	if c.log.events == nil {
		return
	}
	if cap(c.log.events) <= longLog && len(t.logs) < spareLogs {
		clear(c.log.events)
		t.logs = append(t.logs, c.log.events[:0])
	}
	c.log = journal{}
}

// slabSize is how many entries are made at a time, and reserved how many times that many
// wait to be used.
const (
	slabSize = 64
	reserved = 2
)

// Only some lists of lines, of usual length, are kept to be used again.
const (
	longLog   = 64
	spareLogs = 4096
)
