package proxy

import (
	"errors"
	"io"
	"net/netip"
	"sync"
	"time"

	"lastack/harness/capture"
	"lastack/harness/lab/wire"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// leg is the capture of one leg, taken apart into connections as it goes.
type leg struct {
	live *capture.Live
	over chan error // what ended the reader

	mu    sync.Mutex
	table *teardown.Table
	last  time.Time // of the latest segment
	looks int       // how often the queue was empty
	quiet *sync.Cond
	ended bool
}

const (
	// headers are enough to judge by.
	headers = 160
	// wake is how long a capture waits before it says that nothing came.
	wake = 5 * time.Millisecond
	// maxOpen bounds the connections of a leg that are not over, which a proxy can make.
	maxOpen = 4096
)

// watchLeg captures an interface of the middle from now on.
func watchLeg(middle wire.Side, name string) (*leg, error) {
	l := &leg{over: make(chan error, 1), table: teardown.NewTable(teardown.Config{MaxOpen: maxOpen})}
	l.quiet = sync.NewCond(&l.mu)
	err := middle.Do(func() (err error) {
		l.live, err = capture.OpenLive(name, capture.LiveConfig{SnapLen: headers, Wake: wake})
		return err
	})
	if err != nil {
		return nil, err
	}
	go l.read()
	return l, nil
}

// read ends with the capture.
func (l *leg) read() {
	for {
		p, err := l.live.Next()
		switch {
		case err == nil:
			l.add(&p)
		case errors.Is(err, capture.ErrIdle):
			l.mu.Lock()
			l.looks++
			l.quiet.Broadcast()
			l.mu.Unlock()
		default:
			l.mu.Lock()
			l.ended = true
			l.quiet.Broadcast()
			l.mu.Unlock()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			l.over <- err
			return
		}
	}
}

func (l *leg) add(p *capture.Packet) {
	var s segment.Segment
	if s.Decode(p.Data, p.OrigLen) != nil {
		return // not TCP: ICMP and its like
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.table.Add(&teardown.Record{Time: p.Time, Seg: s})
	l.last = p.Time
}

// settle waits until everything that has crossed the leg by now was looked at.
func (l *leg) settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for seen := l.looks; l.looks == seen && !l.ended; {
		l.quiet.Wait()
	}
}

// report is the latest connection between these two, as far as it was seen.
func (l *leg) report(client, server netip.AddrPort) (r teardown.Report, ok bool) {
	l.settle()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.table.All() {
		if c.Client() == client && c.Server() == server {
			return c.Report(), true
		}
	}
	return r, false
}

// latest is when the latest segment was seen.
func (l *leg) latest() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// close ends the capture.
func (l *leg) close() error {
	err := l.live.Stop()
	if err == nil {
		err = <-l.over
		var drops *capture.DropError
		if errors.As(err, &drops) {
			err = nil // the sockets' results stand; a ladder may have a gap
		}
	}
	return errors.Join(err, l.live.Close())
}
