package reasons

import (
	"net/netip"
	"slices"
	"time"

	"lastack/harness/capture/tracepoint"
)

const (
	// MaxSockets is how many sockets a Book remembers; past it, the one unheard of for longest
	// is forgotten.
	MaxSockets = 32_768
	// maxLives of one pair of addresses and ports are remembered.
	maxLives = 4
	// maxPackets that were answered with a RST are remembered until they are dropped.
	maxPackets = 256
	// slack is by how much the times of packets and of events may differ.
	slack = 200 * time.Millisecond
)

// Book remembers what the kernel said of sockets, and answers what it said of a connection.
// Make it with NewBook; it is for one goroutine at a time.
type Book struct {
	most     int
	sockets  map[uint64]*life
	ends     map[ends]*life // the latest; life.older is the one before
	head     life           // of the ring of all, the one unheard of for longest next to it
	n        int
	packets  map[uint64]*life
	answered []uint64 // the keys of packets, oldest first
}

// ends are a socket's addresses and ports.
type ends struct{ local, remote netip.AddrPort }

func (e *ends) whole() bool { return e.local.Port() != 0 && e.remote.Port() != 0 }

// life is one socket from its first event to its last, or the RSTs sent for none.
type life struct {
	End
	ends
	socket      uint64 // 0: for none
	first, last time.Time
	replied     bool // the RST answered a packet
	older       *life
	prev, next  *life
}

// NewBook makes an empty Book.
func NewBook() *Book {
	b := &Book{most: MaxSockets, sockets: map[uint64]*life{}, ends: map[ends]*life{}, packets: map[uint64]*life{}}
	b.head.prev, b.head.next = &b.head, &b.head
	return b
}

// Len is how many sockets it remembers.
func (b *Book) Len() int { return b.n }

// Add learns from an event of the time at. command is the name of its process.
func (b *Book) Add(e *tracepoint.Event, at time.Time, command string) {
	if e.Kind == tracepoint.Drop {
		b.drop(e)
		return
	}
	if e.Kind == tracepoint.StateChange && (e.New == tracepoint.Listen || e.Old == tracepoint.Listen && e.New == tracepoint.Closed) {
		return
	}
	l := b.of(e, at)
	l.last = at
	b.touch(l)
	if e.PID != 0 && l.socket != 0 {
		l.PID, l.Command = e.PID, command
	}
	switch e.Kind {
	case tracepoint.ResetReceived:
		l.ResetReceived = true
	case tracepoint.ResetSent:
		if l.Reason == "" {
			l.Reason = e.Reason
		}
		if e.Packet != 0 {
			b.answer(e.Packet, l)
		}
	}
}

// of is the life that an event belongs to.
func (b *Book) of(e *tracepoint.Event, at time.Time) *life {
	is := ends{e.Local, e.Remote}
	if e.Socket == 0 {
		if l := b.ends[is]; l != nil && l.socket == 0 && at.Sub(l.last) < slack {
			return l
		}
		return b.begin(0, is, at)
	}
	l := b.sockets[e.Socket]
	switch {
	case l == nil || begins(e) || l.whole() && is.whole() && l.ends != is:
		return b.begin(e.Socket, is, at)
	case !l.whole() && is.whole(): // a client has no port yet as it begins
		l.ends = is
		b.index(l)
	}
	return l
}

// begins tells that a socket begins: the kernel uses the memory of one that is gone again.
func begins(e *tracepoint.Event) bool {
	return e.Kind == tracepoint.StateChange && (e.New == tracepoint.SynSent || e.New == tracepoint.SynRecv)
}

func (b *Book) begin(socket uint64, is ends, at time.Time) *life {
	if b.n >= b.most {
		b.forget(b.head.next)
	}
	l := &life{ends: is, socket: socket, first: at, last: at}
	l.prev, l.next = l, l
	b.n++
	if socket != 0 {
		b.sockets[socket] = l
	}
	if is.whole() {
		b.index(l)
	}
	return l
}

// index makes a life the latest of its addresses and ports.
func (b *Book) index(l *life) {
	l.older = b.ends[l.ends]
	b.ends[l.ends] = l
	n := 1
	for at := l; at.older != nil; at = at.older {
		if n++; n > maxLives {
			b.forget(at.older)
			return
		}
	}
}

// touch makes a life the one heard of last.
func (b *Book) touch(l *life) {
	l.prev.next, l.next.prev = l.next, l.prev
	l.prev, l.next = b.head.prev, &b.head
	l.prev.next, b.head.prev = l, l
}

func (b *Book) forget(l *life) {
	l.prev.next, l.next.prev = l.next, l.prev
	b.n--
	if b.sockets[l.socket] == l {
		delete(b.sockets, l.socket)
	}
	if b.ends[l.ends] == l {
		if l.older == nil {
			delete(b.ends, l.ends)
		} else {
			b.ends[l.ends] = l.older
		}
		return
	}
	for at := b.ends[l.ends]; at != nil; at = at.older {
		if at.older == l {
			at.older = l.older
			return
		}
	}
}

// answer remembers for which socket a packet was answered with a RST: it is dropped next.
func (b *Book) answer(packet uint64, l *life) {
	l.replied = true
	if b.packets[packet] == nil {
		if len(b.answered) == maxPackets {
			delete(b.packets, b.answered[0])
			b.answered = slices.Delete(b.answered, 0, 1)
		}
		b.answered = append(b.answered, packet)
	}
	b.packets[packet] = l
}

func (b *Book) drop(e *tracepoint.Event) {
	l := b.packets[e.Packet]
	if l != nil {
		delete(b.packets, e.Packet)
		b.answered = slices.DeleteFunc(b.answered, func(p uint64) bool { return p == e.Packet })
		// Linux 5.17 to 6.9 has a word for the drop, and none for the RST.
		if l.Reason == "" {
			l.Reason = e.Reason
		}
	} else if l = b.sockets[e.Socket]; l == nil || e.Socket == 0 {
		return
	}
	l.drop(e.Reason)
}

// Of is what is known about a connection; nil if nothing is.
func (b *Book) Of(q Query) *Close {
	client, one := b.end(ends{q.Client, q.Server}, &q)
	server, two := b.end(ends{q.Server, q.Client}, &q)
	c := Close{Ambiguous: one || two}
	client.Side, server.Side = Client, Server
	first, other := client, server
	if q.First == Server {
		first, other = server, client
	}
	// The end that closed is on another machine; or the capture has no FIN and no RST, and
	// one end's kernel sent a RST all the same.
	if !first.known() || first.Reason == "" && other.Reason != "" && q.First == "" {
		first, other = other, first
	}
	if first.known() {
		c.End = first
	}
	if other.known() {
		c.Other = &other
	}
	if !first.known() && !c.Ambiguous {
		return nil
	}
	return &c
}

func (e *End) known() bool {
	return e.Reason != "" || e.PID != 0 || e.ResetReceived || len(e.Dropped) > 0
}

// end is what is known about one end: its socket, and what was answered after that was gone.
func (b *Book) end(is ends, q *Query) (e End, ambiguous bool) {
	var owner, orphan *life
	for l := b.ends[is]; l != nil; l = l.older { // the latest first
		if l.first.After(q.End.Add(slack)) || l.last.Before(q.Start.Add(-slack)) {
			continue
		}
		switch {
		case l.socket == 0 && orphan == nil:
			orphan = l
		case l.socket != 0 && owner == nil:
			owner = l
		case l.socket != 0 && l.last.After(owner.first) && owner.last.After(l.first):
			return End{}, true
		// Both are near; the later one began after the connection ended.
		case l.socket != 0 && owner.first.After(q.End) && !l.first.After(q.End):
			owner = l
		}
	}
	if owner != nil {
		e = owner.End
		e.Dropped = slices.Clone(e.Dropped)
	}
	if orphan != nil {
		if e.Reason == "" {
			e.Reason = orphan.Reason
		}
		for _, d := range orphan.Dropped {
			for range d.Segments {
				e.drop(d.Reason)
			}
		}
	}
	return e, false
}
