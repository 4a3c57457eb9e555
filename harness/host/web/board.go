package web

import (
	"net/netip"
	"sync"
	"time"

	"lastack/harness/capture"
	"lastack/harness/host/trace"
	"lastack/harness/teardown"
)

// What a Board keeps.
const (
	maxDone     = 512  // finished connections
	maxOpen     = 4096 // others
	maxHalfOpen = 1024
	halfOpenFor = 2 * time.Minute
	maxPackets  = 16 << 20 // bytes, for the export
)

// Board is the connections that a page shows. Make it with NewBoard. Its methods may be
// called from any goroutine; the order of Add is that of the segments.
type Board struct {
	mu      sync.Mutex
	table   *teardown.Table
	conns   map[int]*entry
	ends    map[ends]*entry // the latest connection between two ends
	seq     uint64          // of changes
	closes  int             // since the beginning
	started int
	packets packetRing
}

// entry is a connection, and when it changed last.
type entry struct {
	conn    *teardown.Conn
	changed uint64
	last    time.Time
	closed  bool
	// held is since when the host holds an ACK back; zero if it holds none.
	held time.Time
}

// ends are a connection's client and server.
type ends struct{ client, server netip.AddrPort }

func endsOf(c *teardown.Conn) ends { return ends{c.Client(), c.Server()} }

// Summary is a connection in the list.
type Summary struct {
	ID           int            `json:"id"`
	Client       string         `json:"client"`
	Server       string         `json:"server"`
	States       [2]string      `json:"states"`
	Close        teardown.Kind  `json:"close"`
	ActiveCloser teardown.Who   `json:"active_closer"`
	TimeWait     teardown.Who   `json:"time_wait"`
	ResetBy      teardown.Who   `json:"reset_by"`
	Cause        teardown.Cause `json:"cause,omitempty"`
	FINsAgain    int            `json:"fin_retransmissions"`
	// StartMS and LastMS are the times of the first and the latest segment, in milliseconds
	// since 1970.
	StartMS int64 `json:"start_ms"`
	LastMS  int64 `json:"last_ms"`
	Done    bool  `json:"done"`
	// HeldMS is since when the host holds an ACK back; 0 if it holds none.
	HeldMS int64 `json:"held_ms,omitempty"`
}

// NewBoard makes an empty Board.
func NewBoard() *Board {
	b := &Board{conns: map[int]*entry{}, ends: map[ends]*entry{}}
	b.table = teardown.NewTable(teardown.Config{
		Remember: maxDone, RememberFor: time.Hour, IdleFor: 24 * time.Hour,
		MaxOpen: maxOpen, MaxHalfOpen: maxHalfOpen, HalfOpenFor: halfOpenFor,
		OnClose:  func(c *teardown.Conn) { b.closes++; b.of(c).closed = true },
		OnRevive: func(c *teardown.Conn) { b.closes--; b.of(c).closed = false },
		OnForget: b.forget,
	})
	return b
}

// of is the entry of a connection, which is made if it is new. The lock is held.
func (b *Board) of(c *teardown.Conn) *entry {
	e := b.conns[c.Number()]
	if e == nil {
		e = &entry{conn: c}
		b.conns[c.Number()] = e
		b.ends[endsOf(c)] = e
		b.started++
	}
	return e
}

func (b *Board) forget(c *teardown.Conn) {
	if at := endsOf(c); b.ends[at] == b.conns[c.Number()] {
		delete(b.ends, at)
	}
	delete(b.conns, c.Number())
}

// hold notes that the host begins to hold an ACK back. The lock is held.
func (b *Board) hold(i *trace.Item) {
	host, peer := i.Seg.Src.AddrPort(), i.Seg.Dst.AddrPort()
	e := b.ends[ends{peer, host}]
	if e == nil {
		e = b.ends[ends{host, peer}]
	}
	if e != nil {
		b.seq++
		e.held, e.changed = i.Time, b.seq
	}
}

// Add takes in a segment. It keeps its packet, not the item.
func (b *Board) Add(i *trace.Item) {
	r := i.Record()
	b.mu.Lock()
	defer b.mu.Unlock()
	if i.Waiting {
		b.hold(i)
		return
	}
	c := b.table.Add(&r)
	if c == nil {
		return
	}
	e := b.of(c)
	b.seq++
	e.changed, e.last = b.seq, i.Time
	if i.Out {
		e.held = time.Time{} // it carried the ACK, or was it
	}
	if !i.Lost && len(i.Packet) > 0 {
		p := capture.Packet{Time: i.Time, Data: i.Packet, Direction: capture.Outgoing, Comment: i.Comment()}
		if i.Out {
			p.Direction = capture.Incoming // relative to the kernel, as in serve's recording
		}
		b.packets.add(p)
	}
}

// Since are the connections that changed after a number, the earliest change first, most at
// the most, and the number from which to go on.
func (b *Board) Since(seq uint64, most int) ([]Summary, uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seq == seq {
		return nil, seq
	}
	changed := make([]*entry, 0, 64)
	for _, e := range b.conns {
		if e.changed > seq {
			changed = append(changed, e)
		}
	}
	sortByChange(changed)
	if len(changed) > most {
		changed = changed[:most]
	}
	out := make([]Summary, len(changed))
	for i, e := range changed {
		out[i] = e.summary()
		seq = e.changed
	}
	return out, seq
}

// Report is a connection as it is known so far.
func (b *Board) Report(id int) (Summary, *teardown.Report, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.conns[id]
	if e == nil {
		return Summary{}, nil, false
	}
	r := e.conn.Report()
	return e.summary(), &r, true
}

// Finished are the reports of the finished connections that are remembered, the latest
// last, most at the most; and how many there are in all.
func (b *Board) Finished(most int) ([]teardown.Report, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var done []*entry
	for _, e := range b.conns {
		if e.closed {
			done = append(done, e)
		}
	}
	sortByChange(done)
	done = done[max(0, len(done)-most):]
	out := make([]teardown.Report, len(done))
	for i, e := range done {
		out[i] = e.conn.Report()
	}
	return out, b.closes
}

// Packets are those that are kept, the earliest first. Their bytes are shared, and not to be
// changed.
func (b *Board) Packets() []capture.Packet {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.packets.all()
}

// Counts are how many connections began and closed since the beginning.
func (b *Board) Counts() (started, closes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.started, b.closes
}

func (e *entry) summary() Summary {
	v := e.conn.Verdict()
	held := int64(0)
	if !e.held.IsZero() {
		held = e.held.UnixMilli()
	}
	return Summary{
		HeldMS: held,
		ID:     e.conn.Number(), Client: v.Client, Server: v.Server, States: v.States, Close: v.Close,
		ActiveCloser: v.ActiveCloser, TimeWait: v.TimeWait, ResetBy: v.ResetBy, Cause: v.Cause,
		FINsAgain: v.FINRetransmissions, StartMS: v.Start.UnixMilli(), LastMS: e.last.UnixMilli(), Done: e.closed,
	}
}
