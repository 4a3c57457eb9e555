// Package watch captures connections and takes them apart as they go, for checks that look
// at one connection after another.
//
//	w, err := watch.Open("eth0", watch.Config{})
//	...                                   // connect, close
//	report, ok := w.Report(client, server)
//	err = w.Close()
//
// Memory is bounded: a few segments are kept of each connection, and no more than 4,096
// connections that are not over.
package watch

import (
	"errors"
	"io"
	"net/netip"
	"sync"
	"time"

	"lastack/harness/capture"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// Config says what to capture. The zero value captures everything.
type Config struct {
	// Filter is the kernel's, Match ours, of what that lets through; nil is everything.
	Filter capture.Filter
	Match  func(*segment.Segment) bool
}

// Watch is a capture that goes on. Its methods may be called from any goroutine.
type Watch struct {
	live  *capture.Live
	match func(*segment.Segment) bool
	dedup *capture.Dedup // of what crosses several interfaces; nil for one
	over  chan error     // what ended the reader

	mu    sync.Mutex
	table *teardown.Table
	looks int // how often the queue was empty
	quiet *sync.Cond
	ended bool
}

const (
	// headers are enough to judge by.
	headers = 160
	// wake is how long a capture waits before it says that nothing came.
	wake = 5 * time.Millisecond
	// maxOpen bounds the connections that are not over, which a peer can make.
	maxOpen = 4096
)

// Open captures an interface of the calling thread's network namespace from now on, or all
// of them for capture.AnyInterface. Who opens it closes it. Errors are those of
// capture.OpenLive.
func Open(iface string, c Config) (*Watch, error) {
	live, err := capture.OpenLive(iface, capture.LiveConfig{SnapLen: headers, Wake: wake, Filter: c.Filter})
	if err != nil {
		return nil, err
	}
	w := &Watch{live: live, match: c.Match, over: make(chan error, 1), table: teardown.NewTable(teardown.Config{MaxOpen: maxOpen})}
	w.quiet = sync.NewCond(&w.mu)
	if iface == capture.AnyInterface {
		w.dedup = capture.NewDedup(capture.DedupConfig{})
	}
	go w.read()
	return w, nil
}

// read ends with the capture.
func (w *Watch) read() {
	for {
		p, err := w.live.Next()
		switch {
		case err == nil:
			w.add(&p)
		case errors.Is(err, capture.ErrIdle):
			w.mu.Lock()
			w.looks++
			w.quiet.Broadcast()
			w.mu.Unlock()
		default:
			w.mu.Lock()
			w.ended = true
			w.quiet.Broadcast()
			w.mu.Unlock()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			w.over <- err
			return
		}
	}
}

func (w *Watch) add(p *capture.Packet) {
	var s segment.Segment
	if s.Decode(p.Data, p.OrigLen) != nil {
		return // not TCP: ICMP and its like
	}
	if w.match != nil && !w.match(&s) || w.dedup != nil && w.dedup.Duplicate(p, &s) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.table.Add(&teardown.Record{Time: p.Time, Seg: s})
}

// settle waits until everything that was captured by now was looked at. On an interface
// that is never quiet it waits no longer than patience allows.
func (w *Watch) settle() {
	const patience = time.Second
	timer := time.AfterFunc(patience, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.looks++
		w.quiet.Broadcast()
	})
	defer timer.Stop()
	for seen := w.looks; w.looks == seen && !w.ended; {
		w.quiet.Wait()
	}
}

// Report is the latest connection between these two, as far as it was seen by now.
func (w *Watch) Report(client, server netip.AddrPort) (r teardown.Report, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settle()
	for _, c := range w.table.All() {
		if c.Client() == client && c.Server() == server {
			return c.Report(), true
		}
	}
	return r, false
}

// Close ends the capture. That packets were lost is no error here: there may be a gap in a
// Report.
func (w *Watch) Close() error {
	err := w.live.Stop()
	if err == nil {
		err = <-w.over
		var drops *capture.DropError
		if errors.As(err, &drops) {
			err = nil
		}
	}
	return errors.Join(err, w.live.Close())
}
