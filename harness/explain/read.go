package explain

import (
	"errors"
	"io"
	"time"

	"lastack/harness/capture"
	"lastack/harness/teardown"
)

// ReadAll adds every packet of a source, once where it was captured at several
// places. Where the source fails, what was read before stands, and the error is
// the source's; that a file ends in the middle of a packet, as one that is still
// being written does, is no error. Both make a warning. An error of Options.Each or
// Closed ends reading; Summary returns it.
func (a *Analysis) ReadAll(s capture.Source) error {
	read := a.readAhead
	if a.opt.Packet != nil || a.opt.Closed != nil {
		read = a.readInStep
	}
	found := false
	for {
		var segments *capture.Segments
		var err error
		a.countBeside(func() { segments, err = read(s) })
		st := segments.Stats()
		found = found || st.Segments > 0
		a.sum.count(st)
		a.sum.skip(segments.NotTCPKinds())
		switch {
		case err == nil || errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, ErrGap):
			a.gap()
			continue
		}
		a.sum.Warn("%v; the verdicts are about what is before", err)
		if errors.Is(err, io.ErrUnexpectedEOF) && found {
			return nil
		}
		return err
	}
}

// record is a segment, and the tunnel that it was in.
type record struct {
	teardown.Record
	tunnel *capture.Tunnel
}

// readInStep reads for who wants to know of each packet as it comes.
func (a *Analysis) readInStep(s capture.Source) (*capture.Segments, error) {
	segments := capture.NewSegments(s, capture.SegmentsConfig{ICMP: a.noteICMP})
	for a.err == nil {
		p, err := segments.NextTo(&a.rec.Seg)
		if err != nil {
			return segments, err
		}
		a.rec.Time, a.rec.Path, a.rec.tunnel = sane(p.Time), teardown.PathOf(p.Data), p.Tunnel
		c := a.add(&a.rec)
		if a.opt.Packet != nil {
			a.opt.Packet(p, remark(c, a.over == c))
		}
	}
	return segments, nil
}

// The segments that are read ahead: so many batches of so many.
const (
	batches   = 8
	batchSize = 512
)

// batch is a number of segments, the ICMP errors between them, and the error that
// came after them.
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

// readAhead reads in a goroutine of its own, so that a second processor may do the
// half of the work that is reading. The goroutine ends before readAhead does.
func (a *Analysis) readAhead(s capture.Source) (*capture.Segments, error) {
	full := make(chan batch, batches)
	empty := make(chan []record, batches)
	for range batches {
		empty <- make([]record, batchSize)
	}
	var icmp []icmpBetween // of the batch being filled
	var at int             // in it
	segments := capture.NewSegments(s, capture.SegmentsConfig{ICMP: func(e *capture.ICMPError) {
		if len(icmp) < maxICMP {
			icmp = append(icmp, icmpBetween{*e, at})
		}
	}})
	go func() {
		defer close(full)
		for records := range empty {
			b := fill(records, segments, &at, a.table)
			b.icmp, icmp = icmp, nil
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
			return segments, nil
		}
		if b.err != nil {
			return segments, b.err
		}
		if spent = append(spent, b.records); len(spent) == batches/2 {
			for _, records := range spent {
				empty <- records
			}
			spent = spent[:0]
		}
	}
	return segments, nil
}

// warmAhead is how many segments the Table is told of in advance.
const warmAhead = 16

// addBatch adds segments up to the first error of Each or Closed.
func (a *Analysis) addBatch(b *batch) {
	for i := range b.records {
		if i%warmAhead == 0 {
			for k := i; k < min(i+warmAhead, len(b.records)); k++ {
				a.table.Warm(&b.records[k].Record)
			}
		}
		b.icmp = a.noteBefore(i, b.icmp)
		if a.add(&b.records[i]); a.err != nil {
			return
		}
	}
	a.noteBefore(len(b.records), b.icmp)
}

// noteBefore takes in the ICMP errors up to a record, and returns the others.
func (a *Analysis) noteBefore(record int, icmp []icmpBetween) []icmpBetween {
	for len(icmp) > 0 && icmp[0].before <= record {
		a.noteICMP(&icmp[0].ICMPError)
		icmp = icmp[1:]
	}
	return icmp
}

// fill reads a batch. at is the index that it has come to, for who is called meanwhile.
func fill(records []record, segments *capture.Segments, at *int, table *teardown.Table) batch {
	table.Reserve()
	records = records[:batchSize]
	for i := range records {
		*at = i
		r := &records[i]
		p, err := segments.NextTo(&r.Seg)
		if err != nil {
			return batch{records: records[:i], err: err}
		}
		r.Time, r.Path, r.tunnel = sane(p.Time), teardown.PathOf(p.Data), p.Tunnel
		if i > 0 { // what was written right now is still on its way to where it can be read
			table.Prepare(&records[i-1].Record)
		}
	}
	return batch{records: records}
}

// sane is a time that can be written down, none where a damaged file has one from
// after the year 9999.
func sane(t time.Time) time.Time {
	const first, last = -62_135_596_800, 253_402_300_799
	if s := t.Unix(); s < first || s > last {
		return time.Time{}
	}
	return t
}
