package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"time"

	"lastack/stack/segment"

	"golang.org/x/sys/unix"
)

// harass starts who sends what no client sends, until ctx ends.
func (w *crowd) harass(ctx context.Context) (*sync.WaitGroup, error) {
	var enemies sync.WaitGroup
	if w.load.Forge == 0 && w.load.Flood == 0 {
		return &enemies, nil
	}
	raw, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return nil, fmt.Errorf("soak: opening a raw socket: %w", os.NewSyscallError("socket", err))
	}
	ears, err := newSniffer()
	if err != nil {
		_ = unix.Close(raw)
		return nil, err
	}
	enemies.Go(func() { ears.run(ctx.Done()) })
	var senders sync.WaitGroup
	w.tally.Forged = make(map[string]int64)
	r := rand.New(rand.NewPCG(w.load.Seed, 1<<63))
	senders.Go(func() { each(ctx, w.load.Forge, func() { w.forgeOne(raw, ears, r) }) })
	f := rand.New(rand.NewPCG(w.load.Seed, 1<<63+1))
	senders.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, w.load.FloodFor)
		defer cancel()
		each(ctx, w.load.Flood, func() { w.floodOne(raw, f) })
	})
	enemies.Go(func() {
		senders.Wait()
		_ = unix.Close(raw)
	})
	return &enemies, nil
}

// each calls f so many times a second until ctx ends, in small bursts.
func each(ctx context.Context, rate int, f func()) {
	const burst = 20 * time.Millisecond
	tick := time.NewTicker(burst)
	defer tick.Stop()
	start, done := time.Now(), 0
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		due := int(time.Since(start).Seconds() * float64(rate))
		for n := min(due-done, rate/10+1); n > 0; n-- {
			f()
		}
		done = due // what a busy machine delayed is not made up for
	}
}

// forgeOne sends a forged segment against one of the open connections.
func (w *crowd) forgeOne(raw int, ears *sniffer, r *rand.Rand) {
	x := w.victim()
	if x == nil {
		return
	}
	from := local(x.conn)
	n, ok := ears.of(from.Port())
	if !ok {
		return
	}
	s, payload, name := forge(r, &target{
		numbers: n, size: x.size, serverFirst: x.habit.name == closesSecond,
		tuple: segment.Tuple{
			Src: segment.EndpointFrom(from),
			Dst: segment.EndpointFrom(netip.AddrPortFrom(w.load.To, x.habit.port)),
		},
	})
	if sendRaw(raw, &s, payload) == nil {
		w.mu.Lock()
		w.tally.Forged[name]++
		w.mu.Unlock()
	}
}

// victim is one of the open connections; Go's order of a map is random enough.
func (w *crowd) victim() *exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.open {
		return x
	}
	return nil
}

// floodOne sends a SYN from an address of the clients' network where nobody is, so
// that nobody answers the SYN-ACK.
func (w *crowd) floodOne(raw int, r *rand.Rand) {
	src := netip.AddrPortFrom(addrOfClients(byte(3+r.IntN(250))), uint16(1024+r.IntN(60_000)))
	s := segment.Segment{
		Version: 4, Flags: segment.SYN, Seq: segment.Seq(r.Uint32()), Window: 65535,
		Tuple: segment.Tuple{
			Src: segment.EndpointFrom(src),
			Dst: segment.EndpointFrom(netip.AddrPortFrom(w.load.To, habits[r.IntN(len(habits))].port)),
		},
	}
	s.MSS = 1400
	if sendRaw(raw, &s, nil) == nil {
		w.mu.Lock()
		w.tally.Flooded++
		w.mu.Unlock()
	}
}

// addrOfClients is an address of the clients' network by its last byte; 0 is the
// clients' own.
func addrOfClients(last byte) netip.Addr {
	a := kernelPrefix.Addr().As4()
	if last != 0 {
		a[3] = last
	}
	return netip.AddrFrom4(a)
}

// sendRaw sends a segment as it is. A full queue is a lost segment.
func sendRaw(raw int, s *segment.Segment, payload []byte) error {
	packet := segment.Append(nil, s, payload)
	return unix.Sendto(raw, packet, 0, &unix.SockaddrInet4{Addr: [4]byte(s.Dst.Addr[12:])})
}

// pause waits, or until done is closed.
func pause(done <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}
