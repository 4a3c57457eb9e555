package middle

import (
	"strings"
	"sync"

	"lastack/harness/term"
)

// tail keeps the end of what a program prints.
type tail struct {
	mu   sync.Mutex
	text []byte
	lost bool
}

// maxSaid is how much is kept of what the proxy prints.
const maxSaid = 2 << 10

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(b)
	if len(b) > maxSaid {
		b, t.lost = b[len(b)-maxSaid:], true
	}
	if over := len(t.text) + len(b) - maxSaid; over > 0 {
		t.text, t.lost = t.text[:copy(t.text, t.text[over:])], true
	}
	t.text = append(t.text, b...)
	return n, nil
}

// String is the output in one line, fit for a terminal.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := strings.TrimSpace(string(t.text))
	if s == "" {
		return "none"
	}
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, term.Escape(strings.TrimSpace(line)))
	}
	s = strings.Join(lines, " | ")
	if t.lost {
		s = "... " + s
	}
	return s
}
