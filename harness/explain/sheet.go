package explain

// Who adds segments to their connections notes on sheets which of these begin or leave. A
// goroutine beside it counts them: judging a connection that leaves takes as long as several
// of its segments.

// sheet is a number of connections that began or left, in that order.
type sheet struct {
	begun  []begun
	left   []departure
	judged []ended // the last of left, where who adds has nothing else to do
	warmth uint64  // so that loads in advance have a use
}

// The sheets of a lane: so many, with so many connections or some more.
const (
	maxSheets = 4
	sheetSize = 256
)

func (s *sheet) full() bool { return len(s.begun)+len(s.left) >= sheetSize }

// counter counts what is on sheets. One sheet of each lane at a time: the same capture always
// gives the same report.
type counter struct {
	a     *Analysis
	full  []chan *sheet // of each lane
	empty []chan *sheet
	done  chan struct{}
}

// newCounter begins to count. Where there is one lane, it is that of all Tables.
func (a *Analysis) newCounter(lanes int) *counter {
	c := &counter{a: a, done: make(chan struct{})}
	for range lanes {
		empty := make(chan *sheet, maxSheets)
		for range maxSheets {
			empty <- &sheet{}
		}
		c.full, c.empty = append(c.full, make(chan *sheet, maxSheets)), append(c.empty, empty)
	}
	for lane := range lanes {
		c.give(lane, c.take(lane))
	}
	go func() {
		defer close(c.done)
		for c.countNext() {
		}
	}()
	return c
}

// countNext counts a sheet of each lane that is not at its end, and reports whether there
// was any.
func (c *counter) countNext() bool {
	sheets := make([]*sheet, len(c.full))
	any := false
	for lane, full := range c.full {
		if s, ok := <-full; ok {
			sheets[lane], any = s, true
		}
	}
	c.a.numberSheets(sheets)
	for lane, s := range sheets {
		if s != nil {
			c.a.countSheet(s)
			c.empty[lane] <- s
		}
	}
	return any
}

// take is an empty sheet, the connections on which go back to their Tables.
func (c *counter) take(lane int) *sheet {
	s := <-c.empty[lane]
	for i := range s.left {
		c.a.split.Table(s.left[i].lane).TakeBack(s.left[i].conn)
	}
	clear(s.judged)
	s.begun, s.left, s.judged = s.begun[:0], s.left[:0], s.judged[:0]
	return s
}

// give makes a sheet the one that is written on; nil is none.
func (c *counter) give(lane int, s *sheet) {
	if len(c.full) > 1 {
		c.a.lanes[lane].sheet = s
		return
	}
	for i := range c.a.lanes {
		c.a.lanes[i].sheet = s
	}
}

// turn hands on a lane's sheet.
func (c *counter) turn(lane int) {
	c.full[lane] <- c.a.lanes[lane].sheet
	c.give(lane, c.take(lane))
}

// wait returns when all that a lane has handed on is counted.
func (c *counter) wait(lane int) {
	c.turn(lane)
	var all [maxSheets]*sheet
	all[0] = c.a.lanes[lane].sheet
	for i := 1; i < maxSheets; i++ {
		all[i] = c.take(lane)
	}
	for _, s := range all[1:] {
		c.empty[lane] <- s
	}
}

// end is for a lane that has no more.
func (c *counter) end(lane int) {
	c.full[lane] <- c.a.lanes[lane].sheet
	c.give(lane, nil)
	close(c.full[lane])
}

// numberSheets numbers the connections that began, in that order, unless they have numbers.
func (a *Analysis) numberSheets(sheets []*sheet) {
	next := make([]int, len(sheets))
	for {
		var first *begun
		of := 0
		for lane, s := range sheets {
			if s == nil || next[lane] == len(s.begun) {
				continue
			}
			if b := &s.begun[next[lane]]; first == nil || b.at < first.at {
				first, of = b, lane
			}
		}
		if first == nil {
			return
		}
		if next[of]++; first.conn.Number() == 0 {
			a.number(first.conn)
		}
		a.see(first)
	}
}

func (a *Analysis) countSheet(s *sheet) {
	left := s.left[:len(s.left)-len(s.judged)]
	for i := range left {
		if i+1 < len(left) {
			s.warmth += left[i+1].conn.Warm()
		}
		e := left[i].ended()
		a.judge(&e)
		a.show(&e)
	}
	for i := range s.judged {
		a.judge(&s.judged[i])
		a.show(&s.judged[i])
	}
}

// flush ends the view of all connections at the end of a capture.
func (a *Analysis) flush() {
	a.flushing = true
	if a.ordered() {
		a.split.Flush()
		return
	}
	a.counter = a.newCounter(1)
	a.split.Flush()
	a.counter.end(0)
	a.counter.finish()
}

// finish returns when all that all lanes had is counted, and the counter is at its end.
func (c *counter) finish() {
	<-c.done
	for lane := range c.empty {
		for range maxSheets {
			c.empty[lane] <- c.take(lane)
		}
	}
	c.a.counter = nil
}
