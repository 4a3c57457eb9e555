package explain

import (
	"errors"
	"io"
	"slices"

	"lastack/harness/capture"
	"lastack/harness/teardown"
)

// ReadAll adds every packet of a source, once where it was captured at several
// places. Where the source fails, what was read before stands, and the error is
// the source's; that a file ends in the middle of a packet, as one that is still
// being written does, is no error if there was one before. Both make a warning. An error
// of Options.Each or Closed ends reading; Summary returns it.
func (a *Analysis) ReadAll(s capture.Source) error {
	if read, ok, err := a.readTwice(s); ok {
		found := false
		for _, r := range read {
			found = a.account(r) || found
		}
		return a.damage(err, found)
	}
	read := a.readAhead
	if a.opt.Packet != nil || a.opt.Closed != nil {
		read = a.readInStep
	}
	found := false
	for {
		segments, err := read(s)
		found = a.account(reading{segments.Stats(), segments.NotTCPKinds()}) || found
		if !errors.Is(err, ErrGap) {
			return a.damage(err, found)
		}
		a.gap()
	}
}

// reading is what there was to be read.
type reading struct {
	stats  capture.SegmentStats
	notTCP []capture.Kind
}

// account counts it, and reports whether there was any segment.
func (a *Analysis) account(r reading) bool {
	a.sum.count(r.stats)
	a.sum.skip(r.notTCP)
	return r.stats.Segments > 0
}

// damage warns of what ended a reading, and is the error of ReadAll.
func (a *Analysis) damage(err error, found bool) error {
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	a.sum.Warn("%v; the verdicts are about what is before", err)
	if onlyCut(err) && (found || anyRead(err)) {
		return nil
	}
	return err
}

// onlyCut reports whether all that ended a reading is that files end too early.
func onlyCut(err error) bool {
	if of, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(of.Unwrap(), func(e error) bool { return !onlyCut(e) })
	}
	return errors.Is(err, io.ErrUnexpectedEOF)
}

// anyRead reports whether a file had a record before the one that ended its reading.
func anyRead(err error) bool {
	var at *capture.ReadError
	return errors.As(err, &at) && at.Packet > 1
}

// record is a segment, and the tunnel that it was in.
type record struct {
	teardown.Record
	tunnel *capture.Tunnel
}

// readInStep reads for who wants to know of each packet as it comes.
func (a *Analysis) readInStep(s capture.Source) (*capture.Segments, error) {
	segments := a.segments(s, a.noteICMP, nil)
	for a.err == nil {
		p, err := segments.NextTo(&a.rec.Seg)
		if err != nil {
			return segments, err
		}
		a.rec.Time, a.rec.Path, a.rec.tunnel = p.Time, teardown.PathOf(p.Data), p.Tunnel
		c := a.add(&a.rec)
		if a.opt.Packet != nil {
			a.opt.Packet(p, remark(c, a.over == c))
		}
	}
	return segments, nil
}

// batch is a number of segments, the ICMP errors between them, and the error that came
// after them.
type batch struct {
	records []record
	icmp    []icmpBetween
	err     error
}

// icmpBetween is an ICMP error that came before the record of that index.
type icmpBetween struct {
	capture.ICMPError
	before int
}

// The segments that are read ahead: so many batches of so many.
const (
	batches   = 8
	batchSize = 512
)

// readAhead adds segments while a goroutine reads, so that a second processor may do the
// half of the work that is reading. Where nobody wants to have each connection as it leaves,
// a third one counts. None is left when it returns.
func (a *Analysis) readAhead(s capture.Source) (*capture.Segments, error) {
	if !a.ordered() {
		a.counter = a.newCounter(1)
		defer func() {
			a.counter.end(0)
			a.counter.finish()
		}()
	}
	full := make(chan batch, batches)
	empty := make(chan []record, batches)
	for range batches {
		empty <- make([]record, batchSize)
	}
	f := filler{a: a}
	f.segments = a.segments(s, f.note, nil)
	go func() {
		defer close(full)
		for records := range empty {
			b := f.fill(records)
			full <- b
			if b.err != nil {
				return
			}
		}
	}()
	var spent [][]record // they go back several at a time, as it takes long to wake the reader
	for b := range full {
		if a.addBatch(&b); a.err != nil {
			close(empty)
			for range full { // until the reader has noticed
			}
			return f.segments, nil
		}
		if b.err != nil {
			return f.segments, b.err
		}
		if spent = append(spent, b.records); len(spent) == batches/2 {
			for _, records := range spent {
				empty <- records
			}
			spent = spent[:0]
		}
	}
	return f.segments, nil
}

// warmAhead is how many segments a Table is told of in advance.
const warmAhead = 16

// addBatch adds segments up to the first error of Each.
func (a *Analysis) addBatch(b *batch) {
	for i := range b.records {
		if i%warmAhead == 0 {
			for k := i; k < min(i+warmAhead, len(b.records)); k++ {
				rec := &b.records[k].Record
				a.split.Of(rec).Warm(rec)
			}
		}
		b.icmp = a.noteBefore(i, b.icmp)
		if a.second.leap(b.records[i].Time) {
			a.gap()
		}
		if a.addPrepared(&b.records[i]); a.err != nil {
			return
		}
	}
	a.noteBefore(len(b.records), b.icmp)
	if a.counter != nil && a.lanes[0].sheet.full() {
		a.counter.turn(0)
	}
}

// noteBefore takes in the ICMP errors up to a record, and returns the others.
func (a *Analysis) noteBefore(record int, icmp []icmpBetween) []icmpBetween {
	for len(icmp) > 0 && icmp[0].before <= record {
		a.noteICMP(&icmp[0].ICMPError)
		icmp = icmp[1:]
	}
	return icmp
}

// segments are those of a source, or of a share of its packets.
func (a *Analysis) segments(s capture.Source, icmp func(*capture.ICMPError), share func(*capture.Packet) capture.Share) *capture.Segments {
	return capture.NewSegments(s, capture.SegmentsConfig{ICMP: icmp, Share: share, Dedup: capture.DedupConfig{Lane: a.split.Lane}})
}

// filler reads segments.
type filler struct {
	a        *Analysis
	segments *capture.Segments
	icmp     []icmpBetween // of the batch being filled
	n        int           // of records in it
}

func (f *filler) note(e *capture.ICMPError) {
	if len(f.icmp) < maxICMP {
		f.icmp = append(f.icmp, icmpBetween{*e, f.n})
	}
}

// fill reads a batch.
func (f *filler) fill(records []record) batch {
	f.a.split.Reserve()
	f.icmp = nil
	records = records[:cap(records)]
	for f.n = range records {
		err := f.next(&records[f.n])
		if f.n > 0 { // what was written right now is still on its way to where it can be read
			f.a.split.Prepare(&records[f.n-1].Record)
		}
		if err != nil {
			return batch{records[:f.n], f.icmp, err}
		}
	}
	f.a.split.Prepare(&records[f.n].Record)
	return batch{records, f.icmp, nil}
}

func (f *filler) next(r *record) error {
	p, err := f.segments.NextTo(&r.Seg)
	if err == nil {
		r.Time, r.Path, r.tunnel = p.Time, teardown.PathOf(p.Data), p.Tunnel
	}
	return err
}
