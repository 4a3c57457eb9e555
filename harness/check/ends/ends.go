// Package ends says how a connection ended at a socket, in the words of the checks.
//
//	_, err := conn.Read(buf)
//	e := ends.Of(err, time.Since(start)) // "FIN after 2.03 ms"
//
// It reads nothing itself.
package ends

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Ending is how a connection ended at one end.
type Ending struct {
	How   Arrival
	After time.Duration
	// Err is what the socket said, where that is none of the others.
	Err error
}

// Arrival is what arrived.
type Arrival string

// What can arrive. Nothing also stands for an error of another kind.
const (
	Nothing Arrival = "nothing"
	FIN     Arrival = "FIN"
	RST     Arrival = "RST"
)

// String is the ending with its time.
func (e Ending) String() string {
	switch {
	case e.How == Nothing && e.Err != nil:
		return e.Err.Error()
	case e.How == Nothing:
		return fmt.Sprintf("nothing within %s", Brief(e.After))
	}
	return fmt.Sprintf("%s after %s", e.How, Brief(e.After))
}

// Why is the ending without its time.
func (e Ending) Why() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.How == Nothing:
		return "nothing comes"
	}
	return "a " + string(e.How) + " came"
}

// Of turns what a socket said into what arrived.
func Of(err error, after time.Duration) Ending {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // as TLS calls a FIN without a word
		return Ending{How: FIN, After: after}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Ending{How: RST, After: after}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Ending{How: Nothing, After: after}
	}
	return Ending{How: Nothing, After: after, Err: err}
}

// Brief writes a duration as people say it.
func Brief(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// Size writes a number of bytes as people say it.
func Size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}
