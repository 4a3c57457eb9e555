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
				t.slab = t.newSlab()
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
// memory takes the system longer than a segment takes Add. Any goroutine may call it, one at
// a time.
func (t *Table) Reserve() {
	for t.cfg.Recycle && len(t.reserve) < cap(t.reserve) {
		select {
		case t.reserve <- t.newSlab():
		default:
			return
		}
	}
}

// newSlab makes each slab twice as large as the one before, up to a bound: a small capture
// takes little, and a large one has its connections side by side.
func (t *Table) newSlab() []entry {
	made := t.made.Add(1) - 1
	return populate(make([]entry, slabSize<<min(made, slabDoubles)))
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

// The first slab has slabSize entries, and the size doubles so often: the largest is somewhat
// less than 1 MiB, and one waits to be used.
const (
	slabSize    = 64
	slabDoubles = 4
	reserved    = 1
)

// Only some lists of lines, of usual length, are kept to be used again.
const (
	longLog   = 64
	spareLogs = 4096
)
