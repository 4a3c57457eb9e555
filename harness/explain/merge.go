package explain

import (
	"errors"
	"io"

	"lastack/harness/capture"
)

// Merge reads several captures as one, in the order of time: pieces of one
// capture, or captures of several interfaces.
type Merge struct {
	sources []capture.Source
	next    []capture.Packet
	state   []ahead
	errs    []error
}

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
		state: make([]ahead, len(sources)), errs: make([]error, len(sources)),
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
	m.state[earliest] = unread
	p := m.next[earliest]
	p.Interface = earliest
	return p, nil
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
