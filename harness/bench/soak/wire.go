package soak

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"lastack/stack/link"
	"lastack/tun"
)

// Badness is how bad a wire is, each way alike. A packet's fate is drawn for each
// direction from the seed and in the order of its packets, so that the n-th packet
// meets the same fate with every subject.
type Badness struct {
	Seed uint64
	// Loss, Duplicate and Reorder are shares of the packets, from 0 to 1.
	Loss, Duplicate, Reorder float64
	// Delay is every packet's, and what reorders a packet is four times that more.
	Delay time.Duration
}

// badWire carries packets between two devices, badly.
//
//	near.Read -> fate -> queue by time -> far.Write, and the other way
type badWire struct {
	ends  [2]link.Device
	loops sync.WaitGroup
	done  chan struct{}
	errs  [2]error
}

// join is a wire.Join.
func (b Badness) join(near, far link.Device) (io.Closer, error) {
	w := &badWire{ends: [2]link.Device{near, far}, done: make(chan struct{})}
	for i := range 2 {
		l := &lane{to: w.ends[1-i], bad: b, rand: rand.New(rand.NewPCG(b.Seed, uint64(i))), wake: make(chan struct{}, 1)}
		w.loops.Go(func() { w.errs[i] = l.read(w.ends[i]) })
		w.loops.Go(func() { l.deliver(w.done) })
	}
	return w, nil
}

// Close ends the wire, with both devices.
func (w *badWire) Close() error {
	close(w.done)
	err := errors.Join(w.ends[0].Close(), w.ends[1].Close())
	w.loops.Wait()
	return errors.Join(err, w.errs[0], w.errs[1])
}

// lane is one direction.
type lane struct {
	to   link.Device
	bad  Badness
	rand *rand.Rand
	wake chan struct{} // has one in it when the queue has a new first

	mu    sync.Mutex
	queue arrivals
	count uint64
}

// room is how many packets may be under way in a lane; those beyond are lost.
const room = 4096

// read draws the fate of each packet, until the device is closed.
func (l *lane) read(from link.Device) error {
	buf := make([]byte, tun.MaxMTU)
	for {
		n, err := from.Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("soak: the wire: %w", err)
		}
		copies, late := l.fate()
		for range copies {
			l.send(buf[:n], late)
		}
	}
}

// fate always draws three numbers, so that what one rate is set to leaves the
// others' draws alone.
func (l *lane) fate() (copies int, late time.Duration) {
	lost, twice, behind := l.rand.Float64(), l.rand.Float64(), l.rand.Float64()
	copies, late = 1, l.bad.Delay
	if twice < l.bad.Duplicate {
		copies = 2
	}
	if behind < l.bad.Reorder {
		late *= 5
	}
	if lost < l.bad.Loss {
		copies = 0
	}
	return copies, late
}

// send puts a copy of a packet in the queue.
func (l *lane) send(p []byte, late time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) >= room {
		return
	}
	l.count++
	a := &arrival{at: time.Now().Add(late), number: l.count, packet: append([]byte(nil), p...)}
	heap.Push(&l.queue, a)
	if l.queue[0] == a {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// deliver writes each packet when it is due, until done is closed.
func (l *lane) deliver(done <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case <-l.wake:
		case <-timer.C:
		}
		for {
			p, left := l.next()
			if p == nil {
				timer.Reset(left)
				break
			}
			_, _ = l.to.Write(p) // what cannot be written is a lost packet
		}
	}
}

// next is the packet that is due, or how long there is none.
func (l *lane) next() (packet []byte, left time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return nil, time.Hour
	}
	if left = time.Until(l.queue[0].at); left > 0 {
		return nil, left
	}
	return heap.Pop(&l.queue).(*arrival).packet, 0
}

// arrival is a packet under way.
type arrival struct {
	at     time.Time
	number uint64
	packet []byte
}

// arrivals is a heap of them, by time, and as sent where that is the same.
type arrivals []*arrival

func (a arrivals) Len() int      { return len(a) }
func (a arrivals) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a arrivals) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].number < a[j].number
	}
	return a[i].at.Before(a[j].at)
}
func (a *arrivals) Push(x any) { *a = append(*a, x.(*arrival)) }
func (a *arrivals) Pop() any {
	old := *a
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*a = old[:len(old)-1]
	return last
}
