// Package trace carries what the close path's taps see to where it is looked at:
// from callbacks that must not wait, on many goroutines, to one reader that may
// take its time.
//
//	closepath --Tap--> Recorder (a bounded queue) --Take--> teardown.Table, a capture file
//
// Only what the wire saw is recorded, with what the host alone knows: how long
// an ACK was held, why it went out, to which impairment a segment fell, and which of
// the peer's were lost on their way in or refused; what a rule dropped before the
// wire could see it; and, if wanted, that an ACK is being held.
package trace

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lastack/harness/teardown"
	"lastack/stack/closepath"
	"lastack/stack/flow"
	"lastack/stack/impair"
	"lastack/stack/segment"
)

// Item is one segment on the wire, or, with Lost, one that was meant for it.
type Item struct {
	Time time.Time
	Seg  segment.Segment
	Hold flow.Hold
	Held time.Duration
	// Out: sent by the host.
	Out bool
	// Rule is the impairment that the segment fell to; nil if none.
	Rule *impair.Rule
	// Lost: Rule dropped it on its way out, so that the wire never had it.
	Lost bool
	// LostIn: the wire had it, and the other end never took it: Rule dropped it on its way
	// in, or its checksum was wrong, by Rule (either way) or as it came in.
	LostIn bool
	// Refusal is what the host does with a segment of the peer's that it refuses:
	// flow.Challenged or flow.Ignored; 0 if it takes it.
	Refusal flow.Mark
	// Waiting: it is an ACK that delayed ACK holds back, which the wire does not have yet,
	// and may get as part of another segment. Config.Holds asks for these.
	Waiting bool
	// Packet is the IP packet; nil unless Config.Packets asked for it.
	Packet []byte
}

// Record is the item as teardown wants it. Its Step is not filled in.
func (i *Item) Record() teardown.Record {
	r := teardown.Record{Time: i.Time, Seg: i.Seg, Hold: i.Hold, Held: i.Held}
	if i.Hold == flow.Flushed {
		r.Hold = flow.HoldUnknown // an owner's command let it go early: no deadline passed
	}
	if !i.Out { // of the peer the host knows no more than any observer
		r.Hold, r.Held = flow.HoldUnknown, 0
	}
	r.Lost, r.LostIn, r.Refusal = i.Lost, i.LostIn, i.Refusal
	switch {
	case i.Rule != nil:
		r.Impaired = effect(i.Rule)
	case i.LostIn:
		r.Impaired = damaged
	}
	return r
}

// effect says what a rule did to a segment: "dropped: the 1st FIN from host".
func effect(r *impair.Rule) string {
	done := [...]string{"dropped", "delayed", "duplicated", "reordered", "corrupted"}[r.Action]
	return done + ":" + strings.TrimPrefix(r.String(), r.Action.String())
}

// damaged is what became of a segment with a wrong checksum (RFC 9293 3.1).
const damaged = "dropped: its checksum is wrong"

// Config says what a Recorder keeps. The zero value works.
type Config struct {
	// Packets asks for the bytes of each packet.
	Packets bool
	// Holds asks for the ACKs that delayed ACK begins to hold back, too: see Item.Waiting.
	Holds bool
	// Delay is how long a segment may wait before Ready announces it, so that a busy host
	// does not wake the reader for each; many of them are announced at once. 0 means 5
	// ms, negative means no delay.
	Delay time.Duration
	// Limit is how many segments may wait for Take; further ones are dropped
	// and counted. 0 means 262,144.
	Limit int
}

const (
	defaultLimit = 1 << 18
	defaultDelay = 5 * time.Millisecond
	// atOnce is how many segments are announced without delay.
	atOnce = 256
)

// Recorder queues what its Tap sees. Make one with New. All methods but Take may
// be called from any goroutine.
type Recorder struct {
	cfg   Config
	ready chan struct{}
	timer *time.Timer // calls tell

	mu      sync.Mutex
	queue   []Item
	spare   []Item // what the last Take returned
	dropped uint64
}

// New makes an empty Recorder.
func New(cfg Config) *Recorder {
	if cfg.Limit == 0 {
		cfg.Limit = defaultLimit
	}
	if cfg.Delay == 0 {
		cfg.Delay = defaultDelay
	}
	r := &Recorder{cfg: cfg, ready: make(chan struct{}, 1)}
	r.timer = time.AfterFunc(cfg.Delay, r.tell)
	r.timer.Stop()
	return r
}

// Tap is for closepath.Config.Tap. It never blocks.
func (r *Recorder) Tap(e *closepath.Event) {
	lost := e.Kind == closepath.Impaired && e.Dir == closepath.Out && e.Rule.Action == impair.Drop
	waiting := r.cfg.Holds && e.Kind == closepath.Held
	if !waiting && (!lost && e.Kind != closepath.Seen || e.Point != closepath.Wire) {
		return
	}
	var packet []byte
	if r.cfg.Packets && !waiting {
		packet = e.AppendPacket(make([]byte, 0, e.Seg.PayloadStart+e.Seg.PayloadLen))
	}
	switch n := r.push(e, packet, lost, waiting); {
	case n == atOnce, r.cfg.Delay < 0:
		r.tell()
	case n == 1:
		r.timer.Reset(r.cfg.Delay)
	}
}

// lostIn reports whether a segment that the wire has does not reach the other end.
func lostIn(e *closepath.Event) bool {
	switch {
	case e.Rule == nil:
		return e.Damaged
	case e.Rule.Action == impair.Corrupt:
		return true
	}
	return e.Dir == closepath.In && e.Rule.Action == impair.Drop
}

// push queues an event, which it writes where it will be read, as an item is large. It returns how
// many wait then, or 0 if the queue was full.
func (r *Recorder) push(e *closepath.Event, packet []byte, lost, waiting bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.queue)
	if n >= r.cfg.Limit {
		r.dropped++
		return 0
	}
	r.queue = slices.Grow(r.queue, 1)[:n+1]
	i := &r.queue[n]
	*i = Item{
		Time: e.Time, Seg: *e.Seg, Hold: e.Hold, Held: e.Held,
		Out: e.Dir == closepath.Out, Rule: e.Rule, Lost: lost, LostIn: !lost && lostIn(e),
		Waiting: waiting, Packet: packet,
	}
	if e.Rule == nil { // or it may come later, when the host judges otherwise
		i.Refusal = e.Refusal
	}
	return n + 1
}

// tell makes Ready receive.
func (r *Recorder) tell() {
	select {
	case r.ready <- struct{}{}:
	default:
	}
}

// Ready receives after something was queued. One value may stand for many items,
// or for none if they were taken meanwhile.
func (r *Recorder) Ready() <-chan struct{} { return r.ready }

// Take empties the queue. The items are the caller's until the next Take, which
// uses their room again; a Packet is the caller's for good. One goroutine takes.
func (r *Recorder) Take() []Item {
	r.mu.Lock()
	defer r.mu.Unlock()
	items := r.queue
	if r.cfg.Packets {
		clear(r.spare) // lets go of them
	}
	r.queue, r.spare = r.spare[:0], items
	return items
}

// Dropped counts the segments that found the queue full.
func (r *Recorder) Dropped() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

// Comment says what delayed ACK and the impairments did to the segment, for a
// capture file: empty if nothing.
func (i *Item) Comment() string {
	comment := i.holdComment()
	effect := i.Record().Impaired
	if effect == "" {
		return comment
	}
	if comment != "" {
		return comment + "; " + effect
	}
	return "lastack: " + effect
}

func (i *Item) holdComment() string {
	held := i.Held.Round(10 * time.Microsecond)
	switch i.Hold {
	case flow.Carried:
		return fmt.Sprintf("lastack: carries an ACK held %s", held)
	case flow.Expired:
		return fmt.Sprintf("lastack: delayed ACK ran out after %s", held)
	case flow.Flushed:
		return fmt.Sprintf("lastack: delayed ACK let go early, after %s", held)
	}
	return ""
}
