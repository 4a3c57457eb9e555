package closepath

import (
	"sync"
	"time"

	"lastack/stack/segment"
	"lastack/stack/tunable"
)

// net.ipv4.tcp_tw_recycle, as Linux had it until 4.12: TIME_WAIT of a connection with
// timestamps lasts only as long as a FIN may come again, because a per-address memory of
// timestamps keeps old segments out instead. Linux removed it because one address may
// stand for several clocks.

const (
	// recycled is how long TIME_WAIT lasts then: 3.5 times the RTO, whose
	// minimum is 200 ms on Linux and here.
	recycled = 700 * time.Millisecond
	// stampLife is how long a peer's timestamp is remembered (Linux's
	// TCP_PAWS_MSL), stampSlack how much smaller another may be.
	stampLife  = 60 * time.Second
	stampSlack = 1
	// maxPeers bounds the memory; past it all of it is forgotten.
	maxPeers = 1 << 16
)

// peerStamps remembers the latest TSval heard from each address.
type peerStamps struct {
	mu    sync.Mutex
	peers map[[16]byte]stamp
}

type stamp struct {
	ts uint32
	at time.Duration
}

func (m *peerStamps) remember(addr [16]byte, ts uint32, now time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.peers == nil || len(m.peers) >= maxPeers {
		m.peers = make(map[[16]byte]stamp)
	}
	old, known := m.peers[addr]
	if known && int32(old.ts-ts) > 0 && now-old.at < stampLife {
		ts = old.ts
	}
	m.peers[addr] = stamp{ts: ts, at: now}
}

// older reports whether ts is older than what was heard from the address before.
func (m *peerStamps) older(addr [16]byte, ts uint32, now time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, known := m.peers[addr]
	return known && now-s.at < stampLife && int32(s.ts-ts) > stampSlack
}

// refused reports whether tcp_tw_recycle drops a SYN of a new connection.
func (w *timeWait) refused(f *tracked, s *segment.Segment) bool {
	return opensFlow(s) && s.HasTimestamps && (f == nil || f.embryo) &&
		w.e.tunables.Bool(tunable.TWRecycle) && w.peers.older(s.Src.Addr, s.TSVal, w.now())
}
