package closepath

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// shardCount spreads flows over locks: enough that two of a handful of
// processors rarely meet.
const shardCount = 16

// embryos bounds, per shard, the flows whose handshake is not over: a SYN flood
// fills no memory. Beyond it a SYN passes unseen, and its connection is adopted when
// netstack has it; netstack has its own defence, SYN cookies (RFC 4987 3.6).
const embryos = 4096

// sweepEvery is how often the table looks for flows that netstack gave up
// without a segment to show for it (an orphan's FIN_WAIT_2 that timed out, say).
const sweepEvery = 30 * time.Second

// ackGrain is how late an ACK may be, so that many share a timer's firing.
const ackGrain = time.Millisecond

// table finds a segment's flow. Lock order: a flow's lock, then its shard's.
//
// A flow is in it from its SYN until the host is through with the connection: reset,
// closed, or in TIME_WAIT, which has a table of its own.
type table struct {
	e        *Endpoint
	nextID   atomic.Uint64
	epoch    atomic.Uint32
	sweeps   tcpip.Timer
	shards   [shardCount]shard
	closed   closed
	departed departed
}

type shard struct {
	mu      sync.Mutex
	flows   map[segment.Tuple]*tracked
	most    int // flows at once since the latest shrink
	embryos int
	missed  uint32 // until which sweep connections may be adopted
	acks    alarms
	fins    alarms
}

func (t *table) init(e *Endpoint) {
	t.e = e
	for i := range t.shards {
		s := &t.shards[i]
		s.flows = make(map[segment.Tuple]*tracked)
		s.acks = alarms{clock: e.clock, ring: e.delayed.expire, stale: e.delayed.stale, grain: ackGrain}
		s.fins = alarms{clock: e.clock, ring: e.finish.expire, stale: e.finish.stale, grain: finGrain}
	}
	t.sweeps = e.clock.AfterFunc(sweepEvery, t.sweep)
}

// beginning says whether a segment of no flow may begin one.
type beginning uint8

const (
	never beginning = iota
	ifRoom
	// always is for a SYN that takes the place of a record of TIME_WAIT: those are
	// bounded by net.ipv4.tcp_max_tw_buckets.
	always
)

// find returns the flow of a segment, locked, or nil. A SYN begins a flow, but not
// while its 4-tuple is in TIME_WAIT, unless the host may use that again.
func (t *table) find(s *segment.Segment, dir Dir, begin beginning) *tracked {
	key := s.Tuple
	if dir == In {
		key = key.Reverse()
	}
	sh := t.shard(key)
	opens := begin != never && opensFlow(s) && t.e.timeWait.vacant(key, dir)
	for {
		sh.mu.Lock()
		f := sh.flows[key]
		if f == nil && opens {
			if sh.embryos < embryos || begin == always {
				f = t.add(sh, key, dir)
			} else {
				sh.missed = t.epoch.Load() + adoptionEpochs
			}
		}
		adopting := f == nil && begin != never && sh.missed > t.epoch.Load()
		sh.mu.Unlock()
		if adopting && t.adopts(key, s, dir) {
			f = t.adopt(sh, key)
		}
		if f == nil {
			return nil
		}
		f.mu.Lock()
		switch {
		case f.gone.Load():
			f.mu.Unlock() // replaced since; look again
		case opens && t.outlived(f, s, dir):
			t.leave(f)
			f.mu.Unlock()
		default:
			now := t.epoch.Load()
			if now-f.epoch > stampEpochs {
				f.conn.ForgetTimestamp(f.host)
			}
			f.epoch = now
			return f
		}
	}
}

// stampEpochs is for how many sweeps timestamps can be compared: 24 days (RFC 7323 5.5).
const stampEpochs = uint32(24 * 24 * time.Hour / sweepEvery)

// lookup returns a flow without locking it, or nil.
func (t *table) lookup(key segment.Tuple) *tracked {
	sh := t.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.flows[key]
}

// adoptionEpochs is for how many sweeps after a SYN that was not followed its connection
// may be adopted. At other times no flow is missing, and a segment that comes just when
// one has ended must not begin another.
const adoptionEpochs = 4

// Follows reports whether the endpoint follows a connection (Src is the host), or may
// have had no room to. An application that accepts a connection learns from it whether
// netstack made the connection of a segment that came too late.
func (e *Endpoint) Follows(t segment.Tuple) bool {
	return e.flows.lookup(t) != nil || e.flows.misses(t)
}

// misses reports whether there may be connections on the tuple's shard that are not followed.
func (t *table) misses(key segment.Tuple) bool {
	sh := t.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.missed > t.epoch.Load()
}

// adopts reports whether a segment of no flow belongs to a connection of netstack's whose
// SYN the table had no room to follow: netstack sends nothing but SYN-ACKs and RSTs for
// others.
func (t *table) adopts(key segment.Tuple, s *segment.Segment, dir Dir) bool {
	if t.e.alive == nil || t.e.observe || !s.Flags.Has(segment.ACK) || s.Flags.Any(segment.SYN|segment.RST) {
		return false
	}
	return !t.e.timeWait.has(key) && (dir == Out || t.e.alive(key))
}

// adopt makes a flow for a connection in mid-life.
func (t *table) adopt(sh *shard, key segment.Tuple) *tracked {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if f := sh.flows[key]; f != nil {
		return f
	}
	f := t.add(sh, key, In)
	f.embryo = false
	sh.embryos--
	return f
}

func (t *table) shard(key segment.Tuple) *shard {
	return &t.shards[(key.Src.Port^key.Dst.Port^key.Dst.Port>>8)%shardCount]
}

// add makes a flow for the sender of a SYN. sh.mu is held.
func (t *table) add(sh *shard, key segment.Tuple, dir Dir) *tracked {
	f := &tracked{id: t.nextID.Add(1), key: key, shard: sh, host: flow.Server, embryo: true, epoch: t.epoch.Load()}
	if dir == Out {
		f.host = flow.Client
	}
	f.conn.At(f.host)
	if dir == Out || t.e.observe {
		// The host uses a port again whose TIME_WAIT permits it.
		if old, ok := t.e.timeWait.remove(key); ok && !t.e.observe {
			f.follow(&old)
		}
	}
	t.e.impair.forget(key) // what an older connection counted
	sh.flows[key] = f
	sh.most = max(sh.most, len(sh.flows))
	sh.embryos++
	return f
}

// outlived reports whether a SYN begins a new connection on f's 4-tuple. The host decides
// about its own SYNs; one that comes in may be forged or a leftover (RFC 5961 4), and
// counts only where netstack has no live connection any more. f.mu is held, and released
// while netstack is asked.
func (t *table) outlived(f *tracked, s *segment.Segment, dir Dir) bool {
	side := f.host
	if dir == In {
		side = side.Other()
	}
	if dir == Out && f.numbers.chosen {
		wire := *s // the flow knows the numbers that the SYN has behind the chain
		wire.Seq += f.numbers.shift
		s = &wire
	}
	if !f.conn.Reopens(side, s) {
		return false
	}
	if dir == Out || t.e.observe {
		return true // an observer cannot ask: the SYN is the sign
	}
	if t.e.alive == nil {
		return f.embryo
	}
	if f.admitted.cookie {
		return false // of which netstack has no endpoint yet
	}
	if f.isLight() {
		return false
	}
	f.mu.Unlock()
	alive := t.e.alive(f.key)
	f.mu.Lock()
	return !alive && !f.gone.Load()
}

// forget takes a flow out of the table for good. f.mu is held.
func (t *table) forget(f *tracked) {
	if t.leave(f) {
		t.e.tell(f.key, Gone)
	}
}

// leave takes a flow out of the table, if it is still there. f.mu is held. The flow's
// held segments are dropped: nobody is left to acknowledge or to receive them.
func (t *table) leave(f *tracked) bool {
	if f.gone.Load() {
		return false
	}
	f.gone.Store(true)
	t.e.delayed.drop(f)
	t.e.finish.stop(f)
	t.e.fastOpen.drop(f)
	t.e.finWithData.drop(f)
	t.e.lights.left(f)
	t.departed.add(f, t.e.clock)
	f.shard.mu.Lock()
	delete(f.shard.flows, f.key)
	if f.embryo {
		f.shard.embryos--
	}
	f.shard.mu.Unlock()
	return true
}

// advanced follows the flow's life after a segment passed the tracker. f.mu is held.
func (t *table) advanced(f *tracked, p *packet) {
	st := &p.step
	host := st.After[f.host]
	if f.embryo && host > flow.SynReceived {
		f.embryo = false
		f.shard.mu.Lock()
		f.shard.embryos--
		f.shard.mu.Unlock()
	}
	switch {
	case st.Marks.Has(flow.Reset):
		t.forget(f)
	case host == flow.Closed:
		t.closed.add(f.key, t.e.clock.NowMonotonic())
		t.forget(f)
	case host == flow.TimeWait && f.conn.FINAcked(f.host) && f.conn.FINAcked(f.host.Other()):
		// The last ACK is out.
		now := t.e.timeWait.now()
		if !t.e.timeWait.take(f, p, now) {
			t.forget(f)
		} else if t.leave(f) {
			t.e.impair.remember(f)
			t.e.reserved.waits(f, now)
			t.e.tell(f.key, Waiting)
		}
	}
}

// sweep forgets flows on which nothing passed for a whole round and which netstack no
// longer knows.
func (t *table) sweep() {
	now := t.epoch.Add(1)
	for _, f := range t.all() {
		f.mu.Lock()
		idle, embryo, light := now-f.epoch, f.embryo, f.isLight()
		f.mu.Unlock()
		if idle <= 1 || light || !t.ended(f.key, idle, embryo) {
			continue
		}
		f.mu.Lock()
		if now-f.epoch > 1 {
			t.forget(f)
		}
		f.mu.Unlock()
	}
	for i := range t.shards {
		t.shards[i].shrink()
	}
	if !t.e.closed.Load() {
		t.sweeps.Reset(sweepEvery)
	}
}

// shrink frees the memory that a flood made the map take: Go's maps do not shrink by
// themselves.
func (sh *shard) shrink() {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if n := len(sh.flows); sh.most > 1024 && n < sh.most/4 {
		sh.flows = maps.Collect(maps.All(sh.flows))
		sh.most = n
	}
}

// An observer keeps an idle connection for as long as TCP's keep-alive would
// (tcp_keepalive_time), and a handshake for as long as SYNs are repeated.
const (
	observedIdle   = uint32(2 * time.Hour / sweepEvery)
	observedEmbryo = uint32(3 * time.Minute / sweepEvery)
)

// ended reports whether a flow that was idle for so many sweeps belongs to no connection
// any more.
func (t *table) ended(key segment.Tuple, idle uint32, embryo bool) bool {
	switch {
	case t.e.observe && embryo:
		return idle > observedEmbryo
	case t.e.observe:
		return idle > observedIdle
	}
	return t.e.alive != nil && !t.e.alive(key)
}

// all lists the flows of this moment.
func (t *table) all() []*tracked {
	var flows []*tracked
	for i := range t.shards {
		sh := &t.shards[i]
		sh.mu.Lock()
		for _, f := range sh.flows {
			flows = append(flows, f)
		}
		sh.mu.Unlock()
	}
	return flows
}

func (t *table) close() {
	t.sweeps.Stop()
	for i := range t.shards {
		t.shards[i].acks.close()
		t.shards[i].fins.close()
	}
}
