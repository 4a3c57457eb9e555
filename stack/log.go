package stack

import (
	"io"

	"gvisor.dev/gvisor/pkg/log"
)

// LogTo sends what gVisor logs to w, in the whole process; nil discards it. Without a call
// it goes to standard error, in the middle of whatever a program writes there, and names
// addresses and states that a peer chose. All that it says about connections the close
// path's events say, too.
func LogTo(w io.Writer) {
	if w == nil {
		w = io.Discard
	}
	log.SetTarget(log.GoogleEmitter{Writer: &log.Writer{Next: w}})
}
