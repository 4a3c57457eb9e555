package closepath

import (
	"time"

	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// keepalive is a flow's share of what finish does about keep-alive (RFC 9293 3.8.4): when
// netstack gives a connection up because nobody answers its probes, it says nothing, and the
// peer, if it is there after all, learns of it from its next segment only. Linux sends a RST
// (tcp_keepalive_timer), and so does the stage. Guarded by the flow's lock.
type keepalive struct {
	// unanswered: the latest segment of either side is a probe of netstack's, sent at, gap
	// after the one before; 0 if there was none.
	unanswered bool
	at         tcpip.MonotonicTime
	gap        time.Duration
	looks      int // since that probe
	timer      tcpip.Timer
}

// lookLeast is the least time between two looks whether netstack has given up.
const lookLeast = 5 * time.Millisecond

// keepAlive takes in a segment of netstack's.
func (s *finish) keepAlive(f *tracked, p *packet) {
	k := &f.finishing.keep
	una, next := f.conn.Una(f.host), f.conn.Next(f.host)
	if s.e.alive == nil || !p.seg.PureACK() || una != next || p.seg.Seq+1 != next {
		return
	}
	now := s.e.clock.NowMonotonic()
	k.gap = 0
	if k.unanswered {
		k.gap = now.Sub(k.at)
	}
	k.unanswered, k.at, k.looks = true, now, 0
	s.lookLater(f, now)
}

// lookLater sets the timer: to when netstack would send another probe, if that is known, to
// right behind that, as both timers are due together, and then at intervals that grow with
// the silence. f.mu is held.
func (s *finish) lookLater(f *tracked, now tcpip.MonotonicTime) {
	k := &f.finishing.keep
	over := now.Sub(k.at) - k.gap
	d := max(over/8, lookLeast)
	if k.gap > 0 && k.looks < 2 {
		d = max(-over, 0)
	}
	k.looks++
	if k.timer != nil {
		k.timer.Stop()
	}
	probe := k.at
	k.timer = s.e.clock.AfterFunc(d, func() { s.lookAlive(f, probe) })
}

// lookAlive resets the peer's end of a connection that netstack has given up since a probe.
func (s *finish) lookAlive(f *tracked, probe tcpip.MonotonicTime) {
	alive := s.e.alive(f.key)
	f.mu.Lock()
	k := &f.finishing.keep
	if !k.unanswered || k.at != probe || f.gone.Load() || s.e.closed.Load() {
		f.mu.Unlock()
		return
	}
	if alive {
		s.lookLater(f, s.e.clock.NowMonotonic())
		f.mu.Unlock()
		return
	}
	own := s.e.own(f, segment.RST|segment.ACK, f.conn.Next(f.host))
	own.Window = 0
	s.e.emit(f, &own, nil, s.place)
	_ = s.e.drain(f) // a failed write is a lost segment
}

// answered takes in that the peer is there, or that netstack has something else to say.
func (k *keepalive) answered() {
	k.unanswered = false
	if k.timer != nil {
		k.timer.Stop()
	}
}
