package capture

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"sync"
)

// maxLines is how much of a program's messages is kept: the last lines.
const maxLines = 64

// transcript reads a program's standard error, and signals when the program says one
// thing in particular.
type transcript struct {
	phrase string
	seen   chan struct{} // closed when a line contains phrase
	ended  chan struct{} // closed at the end of the stream

	mu    sync.Mutex
	lines []string
}

func newTranscript(phrase string) *transcript {
	return &transcript{phrase: phrase, seen: make(chan struct{}), ended: make(chan struct{})}
}

// read runs until the stream ends.
func (t *transcript) read(r io.Reader) {
	defer close(t.ended)
	said := false
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		t.mu.Lock()
		t.lines = append(t.lines, line)
		if len(t.lines) > maxLines {
			t.lines = t.lines[1:]
		}
		t.mu.Unlock()
		if !said && strings.Contains(line, t.phrase) {
			said = true
			close(t.seen)
		}
	}
	_, _ = io.Copy(io.Discard, r) // after a line too long for the scanner
}

// text is all that was said so far.
func (t *transcript) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "; ")
}

// number finds "12 packets captured" by its words, singular or plural, or returns -1.
func (t *transcript) number(words ...string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, line := range t.lines {
		for _, w := range words {
			rest, ok := strings.CutSuffix(line, " "+w)
			if !ok {
				continue
			}
			if n, err := strconv.Atoi(rest); err == nil {
				return n
			}
		}
	}
	return -1
}
