package explain

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"lastack/harness/capture"
)

// LiveSource is what a Watch reads: a capture.Live, opened with LiveConfig.Wake.
type LiveSource interface {
	capture.Source
	Stats() capture.Stats
	SkippedKinds() []capture.Kind
}

// Watch is a live capture as the source of an Analysis: it keeps the packets, calls back now
// and then, and ends when the interface is removed. It is for the goroutine of the Analysis.
type Watch struct {
	// Live is what is watched, and Name what it is called in warnings.
	Live LiveSource
	Name string
	// Record keeps every packet that is read; nil keeps none. Where that fails the
	// analysis goes on.
	Record *capture.Recorder
	// Tick is called when Every has passed since it was called before, by the times of
	// packets and, while none come, of Now. It may be nil.
	Tick  func(time.Time)
	Every time.Duration
	// Now is the time; nil means time.Now.
	Now func() time.Time
	// Trouble is called when something goes wrong that ends nothing; it may be nil.
	Trouble func(what string)

	last     time.Time // of Tick
	flushed  time.Time
	troubles []string
	outages  int
	dropping bool // and that was said
}

// Next returns the next packet, and io.EOF when the capture was stopped or its interface is
// gone. Drops are no error here: see Finish.
func (w *Watch) Next() (capture.Packet, error) {
	for {
		p, err := w.Live.Next()
		var drops *capture.DropError
		switch {
		case err == nil:
			w.keep(&p)
			w.passed(p.Time)
			return p, nil
		case errors.Is(err, capture.ErrIdle):
			w.passed(w.now())
		case errors.Is(err, capture.ErrInterfaceGone):
			w.trouble("%s was removed: the capture ends there", w.Name)
			return capture.Packet{}, io.EOF
		case errors.Is(err, syscall.ENETDOWN):
			if w.outages++; w.outages == 1 {
				w.trouble("%s went down; waiting for it to come up", w.Name)
			}
		case errors.As(err, &drops):
			return capture.Packet{}, io.EOF
		default:
			return capture.Packet{}, err
		}
	}
}

// keep records a packet.
func (w *Watch) keep(p *capture.Packet) {
	if w.Record == nil {
		return
	}
	if err := w.Record.Write(p); err != nil {
		w.lost(err)
	}
}

func (w *Watch) lost(err error) {
	w.trouble("no more packets are kept, and the analysis goes on: %v", err)
}

// flushAfter is how long a packet that is kept may wait to be written out.
const flushAfter = time.Second

// passed does what is due by the time t.
func (w *Watch) passed(t time.Time) {
	if w.last.IsZero() {
		w.last, w.flushed = t, t
	}
	if w.Record != nil && t.Sub(w.flushed) >= flushAfter {
		w.flushed = t
		if err := w.Record.Flush(); err != nil {
			w.lost(err)
		}
	}
	if t.Sub(w.last) < w.Every || w.Tick == nil {
		return
	}
	w.last = t
	if !w.dropping && w.Live.Stats().Dropped > 0 {
		w.dropping = true
		w.say("the kernel drops packets, as they come faster than they are read: narrow the filter")
	}
	w.Tick(t)
}

// trouble is said now and in the Summary.
func (w *Watch) trouble(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	w.troubles = append(w.troubles, what)
	w.say(what)
}

func (w *Watch) say(what string) {
	if w.Trouble != nil {
		w.Trouble(what)
	}
}

// Finish ends recording, and tells a Summary what became of the packets that the kernel
// dropped or that are no IP, and of what went wrong.
func (w *Watch) Finish(s *Summary) {
	stats := w.Live.Stats()
	if w.Record != nil {
		if err := w.Record.Close(stats, w.now()); err != nil {
			w.lost(err)
		}
	}
	s.Live = true
	s.NotIP += int(stats.NonIP)
	s.Packets += int(stats.NonIP)
	s.skip(w.Live.SkippedKinds())
	for _, what := range w.troubles {
		s.Warn("%s", what)
	}
	if w.outages > 1 {
		s.Warn("%s went down %d times", w.Name, w.outages)
	}
	if s.Dropped = int(stats.Dropped); s.Dropped > 0 {
		s.Warn("%s dropped by the kernel, as they came faster than they were read: narrow --filter, keep less of each with --snap, or capture with tcpdump -B and explain the file", were(s.Dropped, "packet"))
	}
}

func (w *Watch) now() time.Time {
	if w.Now != nil {
		return w.Now()
	}
	return time.Now()
}
