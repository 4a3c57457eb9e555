package reasons

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lastack/harness/capture/tracepoint"

	"golang.org/x/sys/unix"
)

const (
	// drainEvery is how often the rings are emptied while nobody asks.
	drainEvery = 50 * time.Millisecond
	// The kernel sends a RST before it says why, and says that it got one after a capture
	// has it: an answer about a RST younger than young waits for that, a little.
	young = 5 * time.Millisecond
	pause = time.Millisecond
)

// Source is the kernel of this machine. Make it with Open; any number of goroutines may use
// it.
type Source struct {
	decoder *tracepoint.Decoder
	without []error
	rings   []*ring
	stop    chan struct{}
	done    chan struct{}

	mu     sync.Mutex
	book   *Book
	names  names
	lost   uint64
	events []dated // of one drain
	ended  bool
}

// dated is an Event, or a change of names.
type dated struct {
	tracepoint.Event
	record tracepoint.Record // without Raw
}

// Open begins to listen to the kernel, and takes CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8)
// and the right to read tracefs, neither of which is needed later. The error is an
// *UnavailableError.
func Open() (*Source, error) {
	s := &Source{decoder: tracepoint.NewDecoder(), book: NewBook(), names: newNames("/proc"), stop: make(chan struct{}), done: make(chan struct{})}
	if err := s.open(); err != nil {
		s.release()
		return nil, &UnavailableError{Err: err}
	}
	go s.run()
	return s, nil
}

func (s *Source) open() error {
	fs, err := openTracefs(mountPoints)
	if err != nil {
		return err
	}
	defer fs.close()
	filters := map[uint16]string{}
	for i, p := range tracepoint.Tracepoints() {
		f, err := fs.format(&p)
		if err == nil {
			err = s.decoder.Add(&p, f)
		}
		switch {
		case err == nil:
			filters[f.ID] = p.Filter(f)
		case i == 0:
			return err
		default:
			s.without = append(s.without, err)
		}
	}
	cpus, err := onlineCPUs()
	if err != nil {
		return err
	}
	for _, cpu := range cpus {
		r, err := newRing(cpu, ringSize(len(cpus)))
		if err != nil {
			return err
		}
		s.rings = append(s.rings, r)
		for id, filter := range filters {
			if err := r.trace(cpu, id, filter); err != nil {
				return err
			}
		}
	}
	return nil
}

// Without says which tracepoints this kernel does not have as they are needed; what they
// would tell is not told.
func (s *Source) Without() []error { return s.without }

// Reasons are the words that this kernel has for why it sends a RST, in no order.
func (s *Source) Reasons() []string { return s.decoder.Reasons() }

// Lost is how many of the kernel's records were lost: there was no room for them.
func (s *Source) Lost() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// Of is what the kernel said about a connection by now; nil if that is nothing.
func (s *Source) Of(q Query) *Close {
	for {
		c, now := s.ask(&q)
		if !q.Reset || c != nil && (c.Reason != "" || c.ResetReceived) || now.Sub(q.End) > young {
			return c
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.stop:
			timer.Stop()
			return c
		}
	}
}

func (s *Source) ask(q *Query) (*Close, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.drain()
	}
	return s.book.Of(*q), wall(unix.CLOCK_REALTIME)
}

// Close ends listening; what was said until then is still answered.
func (s *Source) Close() error {
	s.mu.Lock()
	ended := s.ended
	s.ended = true
	s.mu.Unlock()
	if !ended {
		close(s.stop)
		<-s.done
		s.release()
	}
	return nil
}

func (s *Source) release() {
	for _, r := range s.rings {
		r.close()
	}
	s.rings = nil
}

func (s *Source) run() {
	defer close(s.done)
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.mu.Lock()
			if !s.ended {
				s.drain()
			}
			s.mu.Unlock()
		case <-s.stop:
			return
		}
	}
}

// drain empties the rings into the Book, in the order of time.
func (s *Source) drain() {
	s.events = s.events[:0]
	for _, r := range s.rings {
		r.drain(s.take)
	}
	slices.SortStableFunc(s.events, func(a, b dated) int { return int(int64(a.Time - b.Time)) })
	// What the kernel's clocks differ by changes as the wall clock is set.
	offset := wall(unix.CLOCK_REALTIME).Sub(wall(unix.CLOCK_MONOTONIC))
	for i := range s.events {
		e := &s.events[i]
		if e.record.Kind != 0 {
			s.names.learn(&e.record)
			continue
		}
		command := ""
		if e.PID != 0 && e.Socket != 0 {
			command = s.names.of(e.PID)
		}
		s.book.Add(&e.Event, time.Unix(0, int64(e.Time)).Add(offset), command)
	}
}

func (s *Source) take(r *tracepoint.Record) {
	switch r.Kind {
	case tracepoint.Lost:
		s.lost += r.N
		s.names = names{proc: s.names.proc} // a number may be another process's now
	case tracepoint.Sample:
		if e, ok := s.decoder.Decode(r); ok {
			s.events = append(s.events, dated{Event: e})
		}
	default:
		s.events = append(s.events, dated{Event: tracepoint.Event{Time: r.Time}, record: *r})
	}
}

func wall(clock int32) time.Time {
	var t unix.Timespec
	_ = unix.ClockGettime(clock, &t) // both clocks are there
	return time.Unix(t.Unix())
}

// onlineCPUs are those that run now. One that comes later is not listened to.
func onlineCPUs() ([]int, error) {
	const path = "/sys/devices/system/cpu/online"
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cpus, err := parseCPUs(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cpus, nil
}

// maxCPUs is the most that Linux can be built for, with room.
const maxCPUs = 16_384

// parseCPUs reads a list such as 0-3,8.
func parseCPUs(text string) (list []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		low, high, ranged := strings.Cut(part, "-")
		from, err := strconv.ParseUint(low, 10, 32)
		to := from
		if ranged && err == nil {
			to, err = strconv.ParseUint(high, 10, 32)
		}
		if err != nil || to < from || to >= maxCPUs {
			return nil, errors.New(strconv.Quote(part) + " is no range of CPUs such as 0-3")
		}
		for cpu := from; cpu <= to; cpu++ {
			list = append(list, int(cpu))
		}
	}
	return list, nil
}
