package capture

import (
	"fmt"
	"io"
	"os"
	"time"
)

// input is a file as a stream that can be stopped, and that may grow.
type input struct {
	OpenConfig
	file     *os.File
	name     string // for messages
	path     string // empty for standard input
	regular  bool
	at       int64 // bytes read
	replaced bool  // path names another file by now
	stopped  bool  // a read was ended by Stop
}

// Read returns what is there, and waits where there is nothing and more may
// come.
func (in *input) Read(p []byte) (int, error) {
	for {
		if !in.ready() {
			in.stopped = true
			return 0, io.EOF
		}
		n, err := in.file.Read(p)
		in.at += int64(n)
		if n > 0 || err != io.EOF || !in.Follow || !in.regular {
			return n, err
		}
		if err := in.lookAgain(); err != nil {
			return 0, err
		}
	}
}

// ready waits until a read does not block, and reports whether that came before
// Stop. Reading a regular file never blocks.
func (in *input) ready() bool {
	for !in.isStopped() {
		if in.regular || in.Stop == nil {
			return true
		}
		if awaitInput(in.file, max(in.Poll, time.Millisecond)) {
			return true // the read tells what is wrong, if anything is
		}
	}
	return false
}

func (in *input) isStopped() bool {
	select {
	case <-in.Stop:
		return true
	default:
		return false
	}
}

// lookAgain waits at the end of a followed file, and reports when waiting has become
// pointless.
func (in *input) lookAgain() error {
	if in.replaced { // and nothing was added before that happened
		return fmt.Errorf("%w: %s is another file by now (rotated?); open it again", ErrReplaced, in.path)
	}
	info, err := in.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() < in.at {
		return fmt.Errorf("%w: it is %d bytes long, and %d had been read (truncated, or written anew?); open it again", ErrReplaced, info.Size(), in.at)
	}
	if in.path != "" {
		// A path that names no file for the moment may come back.
		now, err := os.Stat(in.path)
		if in.replaced = err == nil && !os.SameFile(info, now); in.replaced {
			return nil
		}
	}
	timer := time.NewTimer(in.Poll)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-in.Stop:
	}
	return nil
}
