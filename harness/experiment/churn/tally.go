package churn

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// tally is what is counted while connections are made.
type tally struct {
	mu        sync.Mutex
	attempted int // connections begun
	made      int // of those, carried through to their close
	answered  int // requests
	failures  map[string]int
	first     int // the connection that was the first to find no port; 0 is none
	// overflow is when the first connection was begun that had to share a port
	// with another; 0 is never.
	overflow time.Duration
}

// noPort is the failure that this package is about.
const noPort = "cannot assign requested address"

// attempt notes that connection n is begun.
func (t *tally) attempt(n, ports int, at time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.attempted = n
	if n == ports+1 {
		t.overflow = at
	}
}

// answer notes a request that was answered.
func (t *tally) answer() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered++
}

// end notes what became of connection n.
func (t *tally) end(n int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.made++
		return
	}
	if t.failures == nil {
		t.failures = map[string]int{}
	}
	t.failures[kindOf(err)]++
	if errors.Is(err, syscall.EADDRNOTAVAIL) && (t.first == 0 || n < t.first) {
		t.first = n
	}
}

// progress is how many have been made and have failed so far.
func (t *tally) progress() (made, failed int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.failures {
		failed += n
	}
	return t.made, failed
}

// kindOf names an error without the addresses, which differ in each.
func kindOf(err error) string {
	var errno syscall.Errno
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return noPort
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed before the answer"
	}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}
