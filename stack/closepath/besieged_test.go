package closepath

import (
	"time"

	"lastack/stack/segment"
)

// besieged is a peer that does what RFC 9293, 5961, 6298 and 7323 want of it, with one
// segment in flight after a timeout. It takes data in order alone.
type besieged struct {
	s   *siege
	how besiegedHow

	total          int
	finish         bool // it closes behind its data
	isn, iss       segment.Seq
	una, nxt, most segment.Seq
	rcv            segment.Seq
	window         segment.Seq
	answered       bool // the SYN-ACK came
	closed         bool // the host's FIN came
	reset          bool
	refusable      bool // the RST answered the handshake, as that of a lost cookie may

	recent, firstTS uint32
	rto             time.Duration
	due             time.Duration // 0: no timer runs
}

func newBesieged(s *siege, how besiegedHow) *besieged {
	p := &besieged{s: s, how: how, total: how.total, isn: 0xffff_ff00, rto: time.Second}
	p.una, p.nxt, p.most = p.isn, p.isn, p.isn
	return p
}

// stream is what it sends.
func (p *besieged) stream() []byte {
	b := make([]byte, p.total)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func (p *besieged) stamp() uint32 { return 1000 + uint32(p.s.now().Milliseconds()) }

func (p *besieged) open() {
	p.firstTS = p.stamp()
	p.emit(syn, p.isn, nil)
	p.nxt, p.most = p.isn+1, p.isn+1
	p.due = p.s.now() + p.rto
}

// end is behind its FIN.
func (p *besieged) end() segment.Seq { return p.isn + 2 + segment.Seq(p.total) }

// over reports whether both FINs are acknowledged, or the connection is reset.
func (p *besieged) over() bool { return p.reset || p.closed && p.una == p.end() }

func (p *besieged) emit(flags segment.Flags, seq segment.Seq, data []byte) {
	g := segment.Segment{Tuple: p.s.tuple.Reverse(), Version: 4, Flags: flags, Seq: seq, Window: 65535}
	if flags.Has(ack) {
		g.Ack = p.rcv
	}
	if flags.Has(syn) {
		g.MSS, g.SACKPermitted = mss, true
		g.HasWindowScale, g.WindowScale = p.how.scale, 2
	}
	if p.how.stamps && !flags.Has(rst) {
		g.HasTimestamps, g.TSVal, g.TSEcr = true, p.stamp(), p.recent
	}
	p.s.send(&g, data)
}

// transmit sends a segment of at most n bytes, with the FIN if it is its turn.
func (p *besieged) transmit(n int) {
	if !p.answered || p.reset || p.nxt == p.end() {
		return
	}
	at := int(p.nxt - p.isn - 1)
	n = min(n, mss-12, p.total-at, int(p.una+p.window-p.nxt))
	if n < 0 {
		n = 0
	}
	flags := psh
	if n == 0 {
		flags = ack
	}
	next := p.nxt + segment.Seq(n)
	if p.finish && at+n == p.total {
		flags |= segment.FIN
		next++
	}
	if next == p.nxt {
		return
	}
	seq := p.nxt
	p.nxt = next
	p.most = p.most.Max(next)
	if p.due == 0 {
		p.due = p.s.now() + p.rto
	}
	p.emit(flags, seq, p.stream()[at:at+n])
}

// tick looks at the timer.
func (p *besieged) tick() {
	if p.due == 0 || p.s.now() < p.due || p.reset {
		return
	}
	p.rto = min(2*p.rto, 10*time.Second)
	p.due = p.s.now() + p.rto
	if !p.answered {
		p.emit(syn, p.isn, nil)
		return
	}
	p.nxt = p.una
	p.transmit(mss)
}

func (p *besieged) receive(g *segment.Segment, data []byte) {
	if p.reset {
		if !g.Flags.Has(segment.RST) {
			p.s.deliver(segment.Append(nil, &segment.Segment{
				Tuple: p.s.tuple.Reverse(), Version: 4, Flags: rst, Seq: g.Ack,
			}, nil))
		}
		return
	}
	switch {
	case p.over():
		if g.Len() > 0 {
			p.emit(ack, p.most, nil) // as in TIME_WAIT
		}
	case !p.answered:
		p.answer(g)
	case g.Flags.Has(segment.RST):
		if g.Seq == p.rcv {
			p.reset = true
			p.refusable = p.how.cookies && p.una == p.isn+1
		} else if p.rcv.Less(g.Seq) && g.Seq.Less(p.rcv+65535) {
			p.emit(ack, p.most, nil)
		}
	case g.Flags.Has(segment.SYN):
		p.emit(ack, p.most, nil)
	case !g.Flags.Has(segment.ACK):
	case p.how.stamps && g.HasTimestamps && int32(p.recent-g.TSVal) > 0:
		p.s.note("PAWS: the peer refuses %s, %d < %d", g, g.TSVal, p.recent)
		p.emit(ack, p.most, nil)
	case g.Seq.Less(p.rcv) && g.Len() == 0 && g.Seq+1 != p.rcv && g.Seq.Less(p.rcv-65535), (p.rcv + 65535).Less(g.Seq):
		p.emit(ack, p.most, nil)
	case p.most.Less(g.Ack):
		p.s.note("the host acknowledges what was never sent: %s", g)
		p.emit(ack, p.most, nil)
	default:
		p.take(g, data)
	}
}

// answer takes the SYN-ACK.
func (p *besieged) answer(g *segment.Segment) {
	if g.Flags.Has(segment.RST) {
		p.reset, p.refusable = g.Ack == p.nxt, true
		return
	}
	if !g.Flags.Has(synAck) || g.Ack != p.isn+1 {
		return
	}
	p.answered, p.iss, p.rcv = true, g.Seq, g.Seq+1
	p.una, p.due, p.rto = g.Ack, 0, 200*time.Millisecond
	p.window = segment.Seq(g.Window)
	p.recent = g.TSVal
	p.how.stamps = p.how.stamps && g.HasTimestamps
	p.emit(ack, p.nxt, nil)
}

func (p *besieged) take(g *segment.Segment, data []byte) {
	if p.how.stamps && g.HasTimestamps && g.Seq.LessEq(p.rcv) && int32(g.TSVal-p.recent) > 0 {
		p.recent = g.TSVal
	}
	if p.una.Less(g.Ack) {
		p.una = g.Ack
		p.nxt = p.nxt.Max(p.una)
		p.rto, p.due = 200*time.Millisecond, 0
		if p.una != p.most {
			p.due = p.s.now() + p.rto
			if p.nxt.Less(p.most) {
				p.transmit(mss)
			}
		}
	}
	p.window = segment.Seq(g.Window) // unscaled: less than it is
	if g.Len() == 0 {
		return
	}
	if g.Seq.LessEq(p.rcv) && p.rcv.Less(g.End()) {
		p.rcv = g.End()
		p.closed = p.closed || g.Flags.Has(segment.FIN)
	}
	p.emit(ack, p.most, nil)
}
