package wire

import (
	"strings"
	"sync"
)

// mostOutput is how much of what a program prints is kept: the end of it.
const mostOutput = 4 << 10

// output keeps the last that a program printed.
type output struct {
	want string
	said chan struct{} // closed once want was printed

	mu    sync.Mutex
	text  string
	found bool
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	// What is waited for may come in two pieces.
	o.text += string(b)
	if !o.found && o.want != "" && strings.Contains(o.text, o.want) {
		o.found = true
		close(o.said)
	}
	o.text = o.text[max(len(o.text)-mostOutput, 0):]
	return len(b), nil
}

// String is what is kept.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text
}
