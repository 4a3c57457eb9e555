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
			t.slab = make([]entry, slabSize)
		}
		e, t.slab = &t.slab[0], t.slab[1:]
	}
	if n := len(t.logs); n > 0 {
		e.log.events, t.logs = t.logs[n-1], t.logs[:n-1]
	}
	return e
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

// slabSize is how many entries are made at a time.
const slabSize = 32

// Only some lists of lines, of usual length, are kept to be used again.
const (
	longLog   = 64
	spareLogs = 4096
)
