package experiment

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// Loaded is what a load came to.
type Loaded struct {
	// Ports is how many the client had.
	Ports int `json:"ports"`
	// Attempted counts connections begun, Made those carried through to their
	// close, Requests what they carried.
	Attempted int `json:"attempted"`
	Made      int `json:"made"`
	Requests  int `json:"requests"`
	// Failures counts the others by error.
	Failures map[string]int `json:"failures"`
	// First is the number, from 1, of the first connection that found no port
	// (EADDRNOTAVAIL); nil if all did.
	First *int `json:"first_eaddrnotavail"`
	// TimeWait counts the connections in TIME_WAIT at the end.
	TimeWait TimeWaits `json:"time_wait"`
	// PerSecond is requests answered per second; those of failed connections
	// take their time and answer nothing.
	PerSecond float64 `json:"per_second"`
	Seconds   float64 `json:"seconds"`

	// Overflow is when the first connection was begun that had to share a port
	// with another, since the start; 0 is never. Life is how long TIME_WAIT lasts
	// on the side that is expected to hold it.
	Overflow time.Duration `json:"-"`
	Life     time.Duration `json:"-"`
}

// TimeWaits counts connections in TIME_WAIT on either side.
type TimeWaits struct {
	Client int `json:"client"`
	Server int `json:"server"`
}

// tally is what is counted while connections are made.
type tally struct {
	mu sync.Mutex
	Loaded
}

// NoPort is the failure of a connection that finds no port, among Loaded.Failures.
const NoPort = "cannot assign requested address"

// timedOut is the failure of a connection that hung.
const timedOut = "timed out"

// attempt notes that connection n is begun.
func (t *tally) attempt(n int, at time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Attempted = n
	if n == t.Ports+1 {
		t.Overflow = at
	}
}

// answer notes a request that was answered.
func (t *tally) answer() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Requests++
}

// end notes what became of connection n.
func (t *tally) end(n int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.Made++
		return
	}
	t.Failures[failureOf(err)]++
	if errors.Is(err, syscall.EADDRNOTAVAIL) && (t.First == nil || n < *t.First) {
		t.First = &n
	}
}

// progress is how many have been made and have failed so far.
func (t *tally) progress() (made, failed int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.Failures {
		failed += n
	}
	return t.Made, failed
}

// failureOf names an error without the addresses, which differ in each.
func failureOf(err error) string {
	var errno syscall.Errno
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return NoPort
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return timedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed before the answer"
	}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err.Error()
}
