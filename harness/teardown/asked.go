package teardown

import (
	"math"
	"time"

	"lastack/stack/flow"
)

// asked tells a client's requests from data of its that nobody answers, such as the
// acknowledgments of a protocol above TCP, by their sizes: that of the latest data, and the
// two latest of such as the client followed by more of its own before the server spoke. 0
// means none.
type asked struct {
	size   uint16
	silent [2]uint16
}

// stream is a server that sends unasked: how often it went on after a pause while the
// client said nothing, and whether the client's latest data came in the middle of that.
type stream struct {
	run uint8
	mid bool
}

const (
	// streamPause is the least time between two pieces of what a server sends unasked;
	// parts of one answer follow each other faster.
	streamPause = 50 * time.Millisecond
	// streamRun is after how many pauses the server sends unasked.
	streamRun = 8
)

// noticeRequest takes in new data, before talk has it.
func (c *Conn) noticeRequest(e *event) {
	t, s := &c.talk, &c.stream
	pause := e.at - t.at
	if e.from == flow.Server {
		if t.any && t.by == flow.Server && pause >= streamPause && s.run < math.MaxUint8 {
			s.run++
		}
		return
	}
	size := uint16(min(max(e.len, 0), math.MaxUint16))
	if t.any && t.by == flow.Client && t.size != size && t.size != t.silent[0] {
		t.silent[0], t.silent[1] = t.size, t.silent[0]
	}
	s.mid = s.run >= streamRun && pause < silence
	t.size, s.run = size, 0
}

// asks reports whether the client's latest data may be a request, to which an answer is due.
func (c *Conn) asks() bool {
	t := &c.talk
	known := t.size != 0 && (t.size == t.silent[0] || t.size == t.silent[1])
	return !known && !c.stream.mid
}
