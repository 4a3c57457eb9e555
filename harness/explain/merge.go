package explain

import (
	"errors"
	"io"
	"time"

	"lastack/harness/capture"
)

// Merge reads several captures as one, in the order of time: pieces of one
// capture, or captures of several interfaces.
type Merge struct {
	sources []capture.Source
	next    []capture.Packet
	state   []ahead
	errs    []error
	begun   []bool
	last    time.Time // of the latest packet
}

// ErrGap is what Merge.Next returns once before a packet that comes GapAfter or more
// after all the captures had ended that had begun: what follows is a capture of its own.
// The next call returns the packet.
var ErrGap = errors.New("a gap between captures")

// ahead says whether a source's next packet is there.
type ahead uint8

const (
	unread ahead = iota
	read
	over
)

// NewMerge merges sources, whose own packets are in order.
func NewMerge(sources []capture.Source) *Merge {
	return &Merge{
		sources: sources, next: make([]capture.Packet, len(sources)),
		state: make([]ahead, len(sources)), errs: make([]error, len(sources)), begun: make([]bool, len(sources)),
	}
}

// Next returns the next packet of all, and the errors of all sources once none
// has any left: one that fails does not stop the others. Packet.Interface is the
// index of the source, and Packet.Data is valid until the next call.
func (m *Merge) Next() (capture.Packet, error) {
	earliest := -1
	for i := range m.sources {
		if m.state[i] == unread {
			m.advance(i)
		}
		if m.state[i] == read && (earliest < 0 || m.next[i].Time.Before(m.next[earliest].Time)) {
			earliest = i
		}
	}
	if earliest < 0 {
		if err := errors.Join(m.errs...); err != nil {
			return capture.Packet{}, err
		}
		return capture.Packet{}, io.EOF
	}
	if m.gap(earliest) {
		m.last = m.next[earliest].Time
		return capture.Packet{}, ErrGap
	}
	m.state[earliest], m.begun[earliest] = unread, true
	p := m.next[earliest]
	if p.Time.After(m.last) {
		m.last = p.Time
	}
	p.Interface = earliest
	return p, nil
}

// gap reports whether the next packet begins a capture that neither overlaps nor joins
// those before.
func (m *Merge) gap(next int) bool {
	if m.last.IsZero() || m.next[next].Time.Sub(m.last) < GapAfter {
		return false
	}
	for i, begun := range m.begun {
		if begun && m.state[i] != over {
			return false
		}
	}
	return true
}

func (m *Merge) advance(i int) {
	p, err := m.sources[i].Next()
	if err == nil {
		m.next[i], m.state[i] = p, read
		return
	}
	m.state[i] = over
	if !errors.Is(err, io.EOF) {
		m.errs[i] = err
	}
}
