package teardown

import (
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// restAfter is how long a connection has been silent when a SYN with another number is
// taken for the next one on its 4-tuple without further proof.
const restAfter = 2 * time.Minute

// doubts reports whether a SYN with another number may be a forgery or a leftover rather
// than the next connection on the 4-tuple (RFC 5961 4): the old one was alive a moment
// ago. The SYN is kept until later segments show more.
func (t *Table) doubts(e *entry, r *Record) bool {
	established := e.now[flow.Client] >= flow.Established && e.now[flow.Server] >= flow.Established && !e.Done()
	if !established || r.Seg.Flags.Has(segment.ACK) || t.now-e.seen > restAfter || e.doubt != nil ||
		e.side[e.from(&r.Seg).Other()].segments == 0 { // whose answer would not be seen
		return false
	}
	r.Step = e.flow.Update(e.from(&r.Seg), &r.Seg)
	kept := *r
	e.doubt = &kept
	return true
}

// retries reports whether a SYN with the number of one that was refused is kept until its
// answer shows what it is: some clients send their SYN again after a RST (Windows does), which
// is part of the refused attempt, unless a SYN-ACK comes.
func (e *entry) retries(r *Record) bool {
	s := &r.Seg
	if e.doubt != nil || r.Refusal != 0 || r.LostIn || !s.Flags.Has(segment.SYN) || s.Flags.Any(segment.ACK|segment.RST) {
		return false
	}
	if me := &e.side[e.from(s)]; !me.synSeen || me.isn != s.Seq {
		return false
	}
	e.step(r)
	kept := *r
	e.doubt = &kept
	return true
}

// settle books a SYN that was in doubt as one of the connection's own.
func (e *entry) settle() {
	d := e.doubt
	e.doubt = nil
	e.add(d)
}

// resolve looks at a segment behind a doubtful SYN. Where it answers the SYN as one that
// opens a connection (a SYN-ACK or a RST that acknowledges it), or is the SYN once more,
// which nobody had challenged, the SYN begins a new connection, which resolve returns.
// Any other answer shows that it was a challenged segment of the old one.
func (t *Table) resolve(e *entry, r *Record) *entry {
	d := e.doubt
	if d == nil {
		return e
	}
	again := r.Seg.Src == d.Seg.Src && r.Seg.Flags == d.Seg.Flags && r.Seg.Seq == d.Seg.Seq
	answered := r.Seg.Src == d.Seg.Dst && r.Seg.Flags.Any(segment.SYN|segment.RST) &&
		r.Seg.Flags.Has(segment.ACK) && r.Seg.Ack == d.Seg.Seq+1
	if r.Seg.Src == d.Seg.Dst && !answered {
		e.settle()
		return e
	}
	if e.over == wasRefused && !r.Seg.Flags.Has(segment.SYN|segment.ACK) {
		e.settle()
		return e
	}
	if !again && !answered {
		return e
	}
	return t.succeed(e)
}

// succeed makes a doubtful SYN the beginning of a new connection in place of e.
func (t *Table) succeed(e *entry) *entry {
	d := e.doubt
	e.doubt = nil
	reuse := e.reopen(&d.Seg, d.Time)
	e.reused = reuse
	t.forget(e)
	n := t.add(t.index.hash(&d.Seg.Tuple), d)
	n.reuses = reuse
	d.Step = n.flow.Update(n.from(&d.Seg), &d.Seg)
	n.add(d)
	t.touch(n)
	return n
}
