package explain

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/cpu"

	"lastack/harness/capture"
	"lastack/harness/teardown"
)

// A long file is read twice at the same time, for each Table of the Split by a goroutine
// that passes over the connections of the other: to hand segments from one processor to
// another takes longer than to look at each packet once more. Whatever one connection tells
// of others is left to the counter. Where that is not enough, because of tunnels, fragments,
// extension headers of IPv6 or gaps in time, the file is read from its beginning by one
// goroutine.

// longFile is how many bytes are worth it.
const longFile = 8 << 20

// Where records take more than maxRecord bytes on average of the first sampled, to read twice
// takes more than it saves: most of their bytes are data, which nobody looks at.
const (
	maxRecord = 512
	sampled   = 1000
)

// sheetPackets is how many packets of the capture a lane goes through for a sheet. Sheets
// that are counted together are of the same packets, and a flood of SYNs puts a connection
// on a sheet with each.
const sheetPackets = 2048

// laneReader is one of the two readings.
type laneReader struct {
	_ cpu.CacheLinePad // they share no line of a processor's cache
	filler
	lane    int
	counter *counter
	odd     *atomic.Bool // of all
	first   second       // of its segments, noTime while there was none
	second  second
	turned  int // sheets that were handed on
	few     [warmAhead]record
	at      [warmAhead]int // their packets
	err     error
	_       cpu.CacheLinePad
}

// readTwice reads a file that is long and not odd. It reports false where it did not, and
// nothing was read.
func (a *Analysis) readTwice(s capture.Source) (read []reading, ok bool, err error) {
	f, is := s.(*capture.File)
	if !is || a.ordered() || a.numbered > 0 || runtime.GOMAXPROCS(0) < teardown.Lanes {
		return nil, false, nil
	}
	again, err := f.Again(a.longFile)
	if again == nil || err != nil {
		return nil, false, nil // one reading tells what is wrong, if anything is
	}
	defer again.Close() // only read from
	if short, err := dense(again); !short || err != nil {
		return nil, false, nil
	}
	var odd atomic.Bool
	a.apart, a.counter = true, a.newCounter(teardown.Lanes)
	var halves [teardown.Lanes]*laneReader
	var all sync.WaitGroup
	for lane, src := range [teardown.Lanes]capture.Source{f, again} {
		h := &laneReader{lane: lane, counter: a.counter, odd: &odd, first: noTime, second: noTime}
		h.filler = filler{a: a}
		h.segments = a.segments(src, h.note, h.share)
		halves[lane] = h
		all.Go(h.read)
	}
	all.Wait()
	a.counter.finish()
	if a.apart = false; odd.Load() || halves[0].apart(halves[1]) || halves[1].apart(halves[0]) {
		a.reset()
		err := f.Rewind()
		return nil, err != nil, err
	}
	a.inHalves = true
	for lane, h := range halves {
		r := reading{h.segments.Stats(), h.segments.NotTCPKinds()}
		if lane > 0 { // what is no segment is the first one's
			r.stats.ICMPErrors, r.notTCP = 0, nil
		}
		read = append(read, r)
	}
	return read, true, halves[0].err
}

// apart reports whether a gap in time is between all that o has and all that h has.
func (h *laneReader) apart(o *laneReader) bool {
	return o.first > noTime && h.second > noTime && o.first-h.second > second(LeapAfter/time.Second)
}

// dense reports whether the records of a file are short, and leaves it at its beginning.
func dense(f *capture.File) (bool, error) {
	for range sampled {
		if _, err := f.Next(); err != nil {
			break // the end, or damage that the reading will tell
		}
	}
	short := f.Records() > 0 && f.Bytes() <= maxRecord*int64(f.Records())
	return short, f.Rewind()
}

// read takes in the segments of a lane.
func (h *laneReader) read() {
	defer h.counter.end(h.lane)
	table, lane := h.a.split.Table(h.lane), &h.a.lanes[h.lane]
	for h.err == nil {
		var n int
		n, h.err = h.fill()
		if h.odd.Load() {
			return
		}
		for i := range h.few[:n] {
			table.Warm(&h.few[i].Record)
		}
		icmp := h.icmp
		for i := range h.few[:n] {
			for h.at[i] >= (h.turned+1)*sheetPackets {
				h.counter.turn(h.lane)
				h.turned++
			}
			icmp = h.a.noteBefore(i, icmp)
			lane.at = h.at[i]
			table.Add(&h.few[i].Record)
		}
		h.a.noteBefore(n, icmp)
	}
}

// fill reads a few segments.
func (h *laneReader) fill() (n int, err error) {
	h.icmp = h.icmp[:0]
	table := h.a.split.Table(h.lane)
	for h.n = range h.few {
		r := &h.few[h.n]
		if err = h.next(r); err != nil {
			break
		}
		// One that took more than a look may be of another lane.
		if r.tunnel != nil || h.second.leap(r.Time) || h.a.split.Lane(&r.Seg.Tuple) != h.lane {
			h.odd.Store(true)
		}
		if h.first == noTime {
			h.first = h.second
		}
		table.Prepare(&r.Record)
		h.at[h.n] = h.segments.Packets()
		n++
	}
	if h.segments.Stats().Fragments > 0 {
		h.odd.Store(true)
	}
	return n, err
}

// note keeps an ICMP error about a connection of the lane.
func (h *laneReader) note(e *capture.ICMPError) {
	if e.Tunnel != nil {
		h.odd.Store(true)
	}
	if h.a.split.Lane(&e.Tuple) == h.lane {
		h.filler.note(e)
	}
}

// share says whose a packet is.
func (h *laneReader) share(p *capture.Packet) capture.Share {
	switch lane, ok := h.a.split.LaneOf(p.Data); {
	case ok && lane != h.lane:
		return capture.Another
	case ok || h.lane == 0:
		return capture.Mine
	}
	return capture.ForAll
}
