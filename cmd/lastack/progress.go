package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// progressEvery is how often the line changes where somebody watches it, and
	// progressSeldom how often there is one elsewhere, in a log.
	progressEvery  = time.Second
	progressSeldom = 15 * time.Second
	// shortWork is over before anybody asks how far it is.
	shortWork = 2 * time.Second
)

// progress is the line on standard error that says how far some work is: one that changes
// where somebody watches, and otherwise one now and then. Its methods may be called
// concurrently.
type progress struct {
	w       io.Writer
	live    bool
	columns int

	mu      sync.Mutex
	drawn   bool // the line stands there
	midline bool // what was printed above ends in the middle of a line
	last    time.Time
}

func newProgress() *progress {
	return &progress{w: os.Stderr, live: terminal(os.Stderr), columns: columns(os.Stderr)}
}

// follow shows what text returns, again and again, until stop is called.
func (p *progress) follow(text func() string) (stop func()) {
	tick := time.NewTicker(progressEvery)
	quit, over := make(chan struct{}), make(chan struct{})
	start := time.Now()
	p.last = start
	go func() {
		defer close(over)
		for {
			select {
			case now := <-tick.C:
				if now.Sub(start) >= shortWork {
					p.show(now, text())
				}
			case <-quit:
				return
			}
		}
	}()
	return func() {
		tick.Stop()
		close(quit)
		<-over
		p.clear()
	}
}

// latest shows what say was given last, until stop is called.
func (p *progress) latest() (say func(string), stop func()) {
	var mu sync.Mutex
	var line string
	stop = p.follow(func() string {
		mu.Lock()
		defer mu.Unlock()
		return line
	})
	return func(text string) {
		mu.Lock()
		defer mu.Unlock()
		line = text
	}, stop
}

func (p *progress) show(now time.Time, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case line == "":
	case p.live && !p.midline:
		if n := p.columns - 1; len(line) > n {
			line = line[:n]
		}
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
		p.drawn = true
	case !p.live && now.Sub(p.last) >= progressSeldom:
		fmt.Fprintln(p.w, line)
		p.last = now
	}
}

func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

func (p *progress) wipe() {
	if p.live && p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

// above returns a writer to w for what is to stand above the line.
func (p *progress) above(w io.Writer) io.Writer { return &aboveProgress{p, w} }

type aboveProgress struct {
	p *progress
	w io.Writer
}

// Write wipes the line away, which comes again when it is due.
func (a *aboveProgress) Write(b []byte) (int, error) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.p.wipe()
	if len(b) > 0 {
		a.p.midline = b[len(b)-1] != '\n'
	}
	return a.w.Write(b)
}
