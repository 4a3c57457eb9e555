package term

import (
	"io"
	"sync"
)

// Output passes on to another writer until that fails, and remembers the error: who
// prints with fmt.Fprintf need not look at each, and Err is asked once at the end. Its
// methods may be called concurrently.
type Output struct {
	w    io.Writer
	stop func()

	mu  sync.Mutex
	err error
}

// NewOutput returns an Output that writes to w, which stays the caller's. stop is called
// once, at the first error, from within Write: to end work whose result nobody will
// see. Nil is nothing.
func NewOutput(w io.Writer, stop func()) *Output { return &Output{w: w, stop: stop} }

// Write passes on to the writer. After an error it writes nothing and returns the same
// error.
func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		o.err = err
		if o.stop != nil {
			o.stop()
		}
	}
	return n, err
}

// Err is the first error, as the writer returned it, or nil.
func (o *Output) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
