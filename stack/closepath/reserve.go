package closepath

import (
	"sync"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
	"lastack/stack/tunable"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/ports"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// reservations keep netstack from choosing the local port of an outgoing connection in
// TIME_WAIT for the same destination once more, while others are free. netstack picks
// ports by its own reservations, and releases a connection's when its own short TIME_WAIT
// is over; from then on the port is reserved here, until the TIME_WAIT is over or
// net.ipv4.tcp_tw_reuse permits another connection.
//
// This only helps; timeWait enforces the rule: it answers a SYN that netstack sends too
// early (in that short time, or beyond maxReserved) with a RST in the peer's name.
//
// The lock is the innermost of this package, because reservations learn of connections
// while others are held; inside of it is only that of netstack's port manager, the
// innermost there.
type reservations struct {
	e    *Endpoint
	pool portPool

	mu   sync.Mutex
	held map[segment.Tuple]*reservation
	// pending are to be reserved, in the order of due. made are reserved, in the order in
	// which TIME_WAIT began. Both may have reservations that are gone.
	pending, made []*reservation
	timer         tcpip.Timer
	closed        bool
}

// portPool is netstack's port manager.
type portPool interface {
	ReserveTuple(ports.Reservation) bool
	ReleasePort(ports.Reservation)
}

// reservation is a connection's. All is guarded by reservations.mu.
type reservation struct {
	tuple      segment.Tuple
	since, due time.Duration
	tries      int
	stamped    bool // its connection had timestamps
	made, gone bool
}

const (
	// reserveAfter is when netstack has given a port up.
	reserveAfter = netstackTimeWait + time.Millisecond
	// reserveTries is how often a reservation is tried whose port netstack still has.
	reserveTries = 64
	// maxReserved bounds the reservations, each of which costs 1.7 KB, most of it in
	// netstack's maps. It is more than the ports of Linux's default range.
	maxReserved = 1 << 15
)

// reserve begins to reserve ports in a netstack.
func (e *Endpoint) reserve(pool portPool) {
	r := &reservations{e: e, pool: pool, held: make(map[segment.Tuple]*reservation)}
	e.reserved = r
	look := func(int64) { e.clock.AfterFunc(0, r.run) }
	for _, id := range []tunable.ID{tunable.TWReuse, tunable.TWReuseDelay} {
		e.unwatch = append(e.unwatch, e.tunables.OnChange(id, look))
	}
}

// waits notes that a flow is in TIME_WAIT. f.mu is held.
func (r *reservations) waits(f *tracked, now time.Duration) {
	if r == nil || f.host != flow.Client {
		return // a listener's port is not one that netstack picks
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.held) >= maxReserved {
		return
	}
	if old := r.held[f.key]; old != nil {
		r.drop(old)
	}
	v := &reservation{tuple: f.key, since: now, due: now + reserveAfter, stamped: f.stamped}
	r.held[f.key] = v
	r.pending = append(r.pending, v)
	if len(r.pending) == 1 {
		r.arm(reserveAfter)
	}
}

// over notes that nothing is left of a connection.
func (r *reservations) over(t segment.Tuple) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.held[t]; v != nil {
		r.drop(v)
	}
}

// drop ends a reservation. r.mu is held.
func (r *reservations) drop(v *reservation) {
	v.gone = true
	delete(r.held, v.tuple)
	if v.made {
		r.pool.ReleasePort(v.tcp())
	}
	for len(r.made) > 0 && r.made[0].gone {
		r.made[0] = nil
		r.made = r.made[1:]
	}
}

// run makes the reservations that are due, and releases those whose ports
// net.ipv4.tcp_tw_reuse permits to use again.
func (r *reservations) run() {
	now := r.e.timeWait.now()
	for _, v := range r.due(now) {
		// No lock is held here: this asks the table of TIME_WAIT, which reports the end
		// of records with its own lock held.
		waits := r.e.timeWait.has(v.tuple)
		r.try(v, now, waits)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	next, any := r.reuse(now)
	if len(r.pending) > 0 {
		if first := r.pending[0].due - now; !any || first < next {
			next, any = first, true
		}
	}
	if any && !r.closed {
		r.arm(max(next, time.Millisecond))
	}
}

// due takes what is due off the pending ones.
func (r *reservations) due(now time.Duration) []*reservation {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(r.pending) && r.pending[n].due <= now {
		n++
	}
	all := r.pending[:n:n]
	r.pending = r.pending[n:]
	return all
}

// try reserves a port if its connection still waits and netstack has given it up.
func (r *reservations) try(v *reservation, now time.Duration, waits bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case v.gone || r.closed:
	case !waits || v.tries >= reserveTries:
		r.drop(v)
	case r.pool.ReserveTuple(v.tcp()):
		v.made = true
		r.made = append(r.made, v)
	default:
		v.tries++
		v.due = now + reserveAfter
		r.pending = append(r.pending, v)
	}
}

// reuse gives up the reservations of ports that may be used again, and returns how long
// it is until the next may be. r.mu is held.
func (r *reservations) reuse(now time.Duration) (next time.Duration, any bool) {
	if r.e.tunables.Int(tunable.TWReuse) != 1 {
		return 0, false
	}
	delay := r.e.tunables.Millis(tunable.TWReuseDelay)
	for len(r.made) > 0 {
		v := r.made[0]
		if left := v.since + delay - now; !v.gone && v.stamped && left > 0 {
			return left, true
		}
		r.made[0] = nil
		r.made = r.made[1:]
		if !v.gone && v.stamped { // without timestamps it stays until it is over
			r.drop(v)
		}
	}
	return 0, false
}

// arm schedules run after d. r.mu is held.
func (r *reservations) arm(d time.Duration) {
	if r.timer == nil {
		r.timer = r.e.clock.AfterFunc(d, r.run)
		return
	}
	r.timer.Stop()
	r.timer.Reset(d)
}

func (r *reservations) close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
	for _, v := range r.held {
		r.drop(v)
	}
}

// tcp is the reservation as netstack makes it for an outgoing connection.
func (v *reservation) tcp() ports.Reservation {
	return ports.Reservation{
		Networks:  []tcpip.NetworkProtocolNumber{protocolAt(v.tuple.Src)},
		Transport: tcp.ProtocolNumber,
		Addr:      address(v.tuple.Src), Port: v.tuple.Src.Port,
		Dest: tcpip.FullAddress{Addr: address(v.tuple.Dst), Port: v.tuple.Dst.Port},
	}
}
