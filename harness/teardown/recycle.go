package teardown

// fresh is an empty entry, if possible one that was used before.
func (t *Table) fresh() *entry {
	e := t.free
	if e == nil {
		e = &entry{}
	} else {
		t.free = e.next
		*e = entry{}
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

// What is kept to be used again: lists of lines of usual length, and not all.
const (
	longLog   = 64
	spareLogs = 4096
)
