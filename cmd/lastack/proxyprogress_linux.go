package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"lastack/harness/check/proxy"
)

// proxyProgress says on standard error how far the checks of a proxy are: on a line that
// changes where somebody watches, otherwise on one of its own now and then. Who makes it
// ends it.
type proxyProgress struct {
	w    io.Writer
	live bool
	over chan struct{}
	done sync.WaitGroup

	mu    sync.Mutex
	now   proxy.Progress
	since time.Time // when the check began
	shown bool
}

const (
	// each is how often the line changes, and seldom how often there is another.
	each   = time.Second
	seldom = 30 * time.Second
)

func newProxyProgress(live bool) *proxyProgress {
	p := &proxyProgress{w: os.Stderr, live: live, over: make(chan struct{})}
	every := seldom
	if live {
		every = each
	}
	p.done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.show()
			case <-p.over:
				return
			}
		}
	})
	return p
}

// end ends the ticking. It is called once.
func (p *proxyProgress) end() {
	close(p.over)
	p.done.Wait()
}

// begin notes that a check begins.
func (p *proxyProgress) begin(now proxy.Progress) {
	p.mu.Lock()
	p.now, p.since = now, time.Now()
	p.mu.Unlock()
	if p.live {
		p.show()
	}
}

// show says how far the checks are, while one is made.
func (p *proxyProgress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now.Check == "" {
		return
	}
	line := progressLine(p.now, time.Since(p.since))
	if !p.live {
		fmt.Fprintln(p.w, line)
		return
	}
	p.shown = true
	fmt.Fprintf(p.w, "\r%-79.79s", line)
}

// clear makes room for a result.
func (p *proxyProgress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = proxy.Progress{}
	if p.shown {
		fmt.Fprintf(p.w, "\r%79s\r", "")
		p.shown = false
	}
}

// progressLine is the line so long after a check began.
func progressLine(p proxy.Progress, gone time.Duration) string {
	left := "longer than usual"
	if d := (p.Left - gone).Round(time.Second); d > 0 {
		left = fmt.Sprintf("about %v left", d)
	}
	return fmt.Sprintf("check %d of %d, %s: %s", p.Number, p.Of, left, p.Check)
}
