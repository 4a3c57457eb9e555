package teardown

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/cpu"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// Config says what a Table keeps. The zero value is useful.
type Config struct {
	// Keep is Conn.Keep of every connection.
	Keep int
	// Remember is how many finished connections are remembered, so that
	// stragglers (a FIN again, a lone RST) find theirs. 0 means 16,384,
	// negative means none.
	Remember int
	// RememberFor is how long after its latest segment a finished connection
	// is remembered, by the times of the records. 0 means two minutes, which
	// outlasts 2MSL and the last retransmission of a FIN on Linux.
	RememberFor time.Duration
	// IdleFor gives up connections that are not finished but have not been
	// heard of for that long. 0 means never.
	IdleFor time.Duration
	// MaxOpen bounds the connections that are not finished: past it, the one
	// unheard of for longest is given up. 0 means no bound.
	MaxOpen int
	// HalfOpenFor gives up connections whose handshake is not over and that have not been
	// heard of for that long, and MaxHalfOpen bounds their number, as IdleFor and MaxOpen
	// do for all: a flood of SYNs leaves nothing behind for long, and takes no room from
	// connections. 0 means never, and no bound.
	HalfOpenFor time.Duration
	MaxHalfOpen int
	// Lean keeps no lines: Opening and Segments of Reports are empty. It is for a caller
	// that counts many and draws none.
	Lean bool
	// LinesIf decides by a connection's Number and the addresses and the time of its
	// first segment whether it has lines in spite of Lean; nil means that none has.
	LinesIf func(number int, t segment.Tuple, at time.Time) bool
	// Recycle uses the memory of a connection again once OnForget, or Flush, is through
	// with it: no caller may keep a Conn longer than that.
	Recycle bool
	// HandOver leaves a connection that was forgotten to who has it by OnForget, even
	// another goroutine, until TakeBack. It is for Recycle.
	HandOver bool

	// OnBegin is called for a connection that begins, with a SYN or not: it has its
	// addresses, and nothing else yet. It numbers the connection, now or later, with
	// Conn.SetNumber; without it the Table does.
	OnBegin func(c *Conn, syn bool)
	// OnClose is called when a connection finishes: both FINs acknowledged, reset or
	// refused. Its Report may still gain stragglers; and where later segments prove that
	// a RST did not count, it goes on, and finishes once more.
	OnClose func(*Conn)
	// OnRevive is called for such a connection before it goes on.
	OnRevive func(*Conn)
	// OnForget is called when a connection leaves the Table for good, and is
	// called exactly once for each that does. Its Report is final.
	//
	// All are called from within Add or Flush, which the owner serialises;
	// they may keep the Conn (but see Recycle), and must not call the Table.
	OnForget func(*Conn)
}

const (
	defaultRemember    = 16384
	defaultRememberFor = 2 * time.Minute
)

// Table tells the segments of many connections apart and keeps a Conn for each.
// Make one with NewTable.
type Table struct {
	_       cpu.CacheLinePad // Tables that work side by side share no line of a processor's cache
	cfg     Config
	index   index
	half    list // whose handshake is not over
	open    list // and those that are not finished beside them
	done    list
	free    *entry       // to be used again
	slab    []entry      // never used
	reserve chan []entry // nor these
	made    atomic.Int32 // slabs
	warmth  uint64       // so that loads in advance have a use
	logs    [][]event    // likewise
	bounded bool         // there are limits on what is not finished, beside MaxOpen
	begun   bool
	start   time.Time     // of the first record
	now     time.Duration // the latest time of a record, since start
	serial  uint64
	_       cpu.CacheLinePad
}

// entry is one connection of a Table. The fields that the index and the lists read come first.
type entry struct {
	hash       uint64
	chain      *entry // of the index
	prev, next *entry
	seen       time.Duration // as of Table.now
	doubt      *Record       // a SYN that may begin another connection
	finished   bool
	isHalf     bool
	Conn

	_    [8]byte // flow begins with a cache line, and the entry ends with one
	flow flow.Conn
	_    [8]byte
}

// NewTable makes an empty Table.
func NewTable(cfg Config) *Table {
	if cfg.Remember == 0 {
		cfg.Remember = defaultRemember
	}
	if cfg.RememberFor == 0 {
		cfg.RememberFor = defaultRememberFor
	}
	return &Table{
		cfg: cfg, index: newIndex(), reserve: make(chan []entry, reserved),
		bounded: cfg.HalfOpenFor > 0 || cfg.MaxHalfOpen > 0 || cfg.IdleFor > 0,
	}
}

// Add gives a segment to its connection, which is made if it is new, and returns
// that. It sets r.Step and does not keep r.
//
// A SYN that begins a new connection on the 4-tuple of an old one (RFC 9293
// 3.6.1) makes a new Conn; the old one is forgotten.
//
// Where the handshake was not seen, the side with the lower port is taken for
// the server.
//
// A segment that is Lost begins no connection: Add returns nil if it has none.
func (t *Table) Add(r *Record) *Conn {
	t.tick(r.Time)
	t.expireDone() // so that what finds its connection does not hang on other connections' segments
	hash := t.hashOf(r)
	e := t.index.find(hash, &r.Seg.Tuple)
	if r.Lost {
		if e == nil || e.reopens(&r.Seg, t.now) {
			return nil
		}
		e.add(r)
		return &e.Conn
	}
	var reuse *Reuse
	if e != nil {
		e = t.resolve(e, r)
	}
	if e != nil && e.over == wasRefused && e.retries(r) {
		t.touch(e)
		return &e.Conn
	}
	for e != nil && r.Refusal == 0 && e.reopens(&r.Seg, t.now) {
		if t.doubts(e, r) {
			t.touch(e)
			return &e.Conn
		}
		if e.doubt != nil { // that SYN came first, and one more shows that nobody challenged it
			e = t.succeed(e)
			continue
		}
		reuse = e.reopen(&r.Seg, r.Time)
		e.reused = reuse
		t.forget(e)
		e = nil
	}
	if e == nil {
		e = t.add(hash, r)
		e.reuses = reuse
	}
	e.step(r)
	e.add(r)
	t.touch(e)
	t.expire()
	return &e.Conn
}

// step sets what the record means to its connection.
func (e *entry) step(r *Record) {
	from := e.from(&r.Seg)
	switch {
	case r.LostIn:
		r.Step = e.flow.Miss(from, &r.Seg)
	case r.Refusal != 0:
		r.Step = e.flow.Refuse(from, &r.Seg, r.Refusal)
	default:
		e.flow.UpdateTo(&r.Step, from, &r.Seg)
	}
}

// tick moves the Table's time on. It is kept as a Duration: comparing Times for each
// segment is expensive.
func (t *Table) tick(now time.Time) {
	if !t.begun {
		t.begun, t.start = true, now
	}
	t.now = max(t.now, since(t.start, now))
}

func (t *Table) add(hash uint64, r *Record) *entry {
	e, s := t.fresh(), &r.Seg
	e.hash = hash
	client, server := &s.Src, &s.Dst
	if sentByServer(s) {
		client, server = server, client
	}
	e.client = *client // one by one, without copies between
	e.server = *server
	e.isHalf = s.Flags.Has(segment.SYN)
	if t.cfg.OnBegin != nil {
		t.cfg.OnBegin(&e.Conn, e.isHalf)
	} else {
		t.serial++
		e.ordinal = t.serial
	}
	e.Keep, e.lean = t.cfg.Keep, t.cfg.Lean && (t.cfg.LinesIf == nil || !t.cfg.LinesIf(e.Number(), s.Tuple, r.Time))
	t.index.insert(e)
	t.listOf(e).push(e)
	return e
}

// listOf is the list in which a connection belongs.
func (t *Table) listOf(e *entry) *list {
	switch {
	case e.finished:
		return &t.done
	case e.isHalf:
		return &t.half
	}
	return &t.open
}

// sentByServer reports whether the server sent a connection's first segment.
func sentByServer(s *segment.Segment) bool {
	if s.Flags.Has(segment.SYN) {
		return s.Flags.Has(segment.ACK)
	}
	if bareProbe(s) {
		return false
	}
	return s.Src.Port < s.Dst.Port
}

func (e *entry) from(s *segment.Segment) flow.Side {
	if s.Src == e.client {
		return flow.Client
	}
	return flow.Server
}

// reopens reports whether a segment begins another connection. flow decides it for a SYN;
// this adds what only the whole connection shows.
func (e *entry) reopens(s *segment.Segment, now time.Duration) bool {
	if !s.Flags.Has(segment.SYN) || s.Flags.Has(segment.RST) {
		return false
	}
	from := e.from(s)
	me, peer := &e.side[from], &e.side[from.Other()]
	same := me.hasISN && me.isn == s.Seq
	switch {
	case s.Flags.Has(segment.ACK):
		// A SYN-ACK after a RST or a long rest: its SYN was not seen, or refused before.
		return !same && (e.over != notReset || now-e.seen > restAfter)
	case same:
		// The SYN again is no new one, unless a RST in between cleared away
		// an older connection on the server's side.
		return e.over == wasReset && !peer.synSeen
	}
	return e.Done() || e.flow.Reopens(from, s)
}

// touch moves e to the end of its list, and to the finished ones when it is.
func (t *Table) touch(e *entry) {
	e.seen = t.now
	if e.finished && e.Done() {
		t.done.last(e)
		return
	}
	if e.finished { // the RST that ended it did not count
		e.finished = false
		t.done.remove(e)
		t.open.push(e)
		if t.cfg.OnRevive != nil {
			t.cfg.OnRevive(&e.Conn)
		}
	}
	from, done := t.listOf(e), e.Done()
	e.isHalf = e.isHalf && !e.opened()
	if to := t.listOf(e); to == from && !done {
		to.last(e)
		return
	}
	from.remove(e)
	if !done {
		t.listOf(e).push(e)
		return
	}
	e.finished = true
	if e.lean {
		t.drop(&e.Conn)
	}
	t.done.push(e)
	if t.cfg.OnClose != nil {
		t.cfg.OnClose(&e.Conn)
	}
}

// expire forgets what is too old or too much.
func (t *Table) expire() {
	if t.done.n > t.cfg.Remember || t.cfg.RememberFor < 0 { // by time it was done before
		t.expireDone()
	}
	if t.bounded {
		t.limit(&t.half, t.cfg.HalfOpenFor, t.cfg.MaxHalfOpen)
		t.limit(&t.half, t.cfg.IdleFor, 0)
		t.limit(&t.open, t.cfg.IdleFor, 0)
	}
	for t.cfg.MaxOpen > 0 && t.open.n+t.half.n > t.cfg.MaxOpen {
		t.forget(t.longestUnheard())
	}
}

func (t *Table) expireDone() {
	for e := t.done.head; e != nil; e = t.done.head {
		if t.done.n <= max(t.cfg.Remember, 0) && t.now-e.seen <= t.cfg.RememberFor {
			return
		}
		t.forget(e)
		if !t.cfg.HandOver {
			t.warm(t.done.head)
		}
	}
}

// limit forgets the connections at the head of a list that are too many or have not been
// heard of for too long; 0 is no limit.
func (t *Table) limit(l *list, idle time.Duration, most int) {
	if idle <= 0 && most <= 0 {
		return
	}
	for e := l.head; e != nil; e = l.head {
		if (most <= 0 || l.n <= most) && (idle <= 0 || t.now-e.seen <= idle) {
			return
		}
		t.forget(e)
	}
}

func (t *Table) longestUnheard() *entry {
	switch {
	case t.half.head == nil:
		return t.open.head
	case t.open.head == nil || t.half.head.seen < t.open.head.seen:
		return t.half.head
	}
	return t.open.head
}

// opened reports whether a connection is more than a handshake: both sides are past it.
func (e *entry) opened() bool {
	return e.now[flow.Client] >= flow.Established && e.now[flow.Server] >= flow.Established
}

func (t *Table) forget(e *entry) {
	if e.doubt != nil && e.over == wasRefused {
		e.settle()
	}
	if e.doubt != nil {
		t.succeed(e) // which forgets e; nobody challenged the SYN
		return
	}
	if e.Done() != e.finished {
		t.touch(e) // a SYN on its 4-tuple showed that it was over
	}
	t.index.remove(e)
	t.listOf(e).remove(e)
	t.leave(e)
}

// leave is for an entry that the Table does not hold any more.
func (t *Table) leave(e *entry) {
	if t.cfg.OnForget != nil {
		t.cfg.OnForget(&e.Conn)
	}
	if t.cfg.Recycle && !t.cfg.HandOver {
		t.TakeBack(&e.Conn)
	}
}

// Now is the latest time of a record.
func (t *Table) Now() time.Time { return t.start.Add(t.now) }

// Len is how many connections the Table holds: those not finished, and those
// finished and remembered.
func (t *Table) Len() (open, finished int) { return t.open.n + t.half.n, t.done.n }

// Empty reports whether the Table holds none.
func (t *Table) Empty() bool { return t.index.n == 0 }

// All is every connection that the Table holds, in the order of their first
// segments.
func (t *Table) All() []*Conn { return everyOf(t) }
