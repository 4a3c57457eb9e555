package explain

import (
	"time"

	"lastack/harness/teardown"
	"lastack/stack/flow"
	"lastack/stack/segment"
)

// Diff is two traces of one close, or of two that ought to be alike, held against
// each other segment by segment.
type Diff struct {
	A    DiffSide `json:"a"`
	B    DiffSide `json:"b"`
	Rows []Row    `json:"rows"`
	// Same: the closes do not differ: same kind, same active closer, and from
	// the first FIN or RST on the same segments in each direction.
	Same bool `json:"same"`
	// OpeningSame is the same for the segments before, and MinorSame for
	// windows, options and PSH of all.
	OpeningSame bool `json:"opening_same"`
	MinorSame   bool `json:"minor_same"`
	// Differences counts the rows of the close that make the closes differ.
	Differences int `json:"differences"`
}

// DiffSide says what one of the two is.
type DiffSide struct {
	Name         string        `json:"name"`
	Client       string        `json:"client"`
	Server       string        `json:"server"`
	Close        teardown.Kind `json:"close"`
	ActiveCloser teardown.Who  `json:"active_closer"`
	TimeWait     teardown.Who  `json:"time_wait"`
	Reason       string        `json:"reason"`
}

// Row is a segment of A, of B, or of both.
type Row struct {
	// Closing: it belongs to the close.
	Closing bool         `json:"closing"`
	From    teardown.Who `json:"from"`
	// AUS and BUS are the times since the first FIN or RST, or the first
	// segment where there is neither, in microseconds; nil where it is missing.
	AUS *int64 `json:"a_us"`
	BUS *int64 `json:"b_us"`
	// Seq and Ack are relative to the initial numbers; in the close, to where
	// each side stood when it began.
	Flags string `json:"flags"`
	Seq   uint32 `json:"seq"`
	Ack   uint32 `json:"ack"`
	Len   int    `json:"len"`
	// Differs says in which fields, if both have it.
	Differs string `json:"differs,omitempty"`
	Minor   bool   `json:"minor,omitempty"`
}

// Mark is one character: ' ' alike, '~' but for window, options or PSH, '!' differs,
// '<' only in A, '>' only in B.
func (r *Row) Mark() byte {
	switch {
	case r.AUS == nil:
		return '>'
	case r.BUS == nil:
		return '<'
	case r.Minor:
		return '~'
	case r.Differs != "":
		return '!'
	}
	return ' '
}

// Compare holds two traces against each other. The segments of the close are
// numbered from where it began, so that what was said before does not matter.
func Compare(a, b *Trace, nameA, nameB string) *Diff {
	d := &Diff{A: a.side(nameA), B: b.side(nameB), Rows: []Row{}, OpeningSame: true, MinorSame: true}
	openA, closeA := a.split()
	openB, closeB := b.split()
	zeroA, zeroB := zero(openA, closeA), zero(openB, closeB)
	d.align(openA, openB, zeroA, zeroB, false)
	d.align(closeA, closeB, zeroA, zeroB, true)
	d.Same = d.Differences == 0 && d.A.Close == d.B.Close && d.A.ActiveCloser == d.B.ActiveCloser
	return d
}

func (t *Trace) side(name string) DiffSide {
	r := &t.Connection.Report
	return DiffSide{name, r.Client, r.Server, r.Close, r.ActiveCloser, r.TimeWait, r.Reason}
}

// split tells the records before the close from those of it, and numbers the
// latter from where each side stood.
func (t *Trace) split() (opening, closing []teardown.Record) {
	for i := range t.Records {
		step := &t.Records[i].Step
		if !step.Marks.Any(flow.FirstFIN | flow.Reset) {
			continue
		}
		var base [2]segment.Seq
		base[step.From], base[step.From.Other()] = step.SeqOff, step.AckOff
		closing = append(closing, t.Records[i:]...)
		for k := range closing {
			s := &closing[k].Step
			s.SeqOff -= base[s.From]
			if closing[k].Seg.Flags.Has(segment.ACK) {
				s.AckOff -= base[s.From.Other()]
			}
		}
		return t.Records[:i], closing
	}
	return t.Records, nil
}

// zero is the time that a trace's times count from.
func zero(opening, closing []teardown.Record) time.Time {
	if len(closing) > 0 {
		return closing[0].Time
	}
	if len(opening) > 0 {
		return opening[0].Time
	}
	return time.Time{}
}

func (d *Diff) align(a, b []teardown.Record, zeroA, zeroB time.Time, closing bool) {
	for _, p := range teardown.Align(a, b) {
		row := Row{Closing: closing, Differs: p.Differs, Minor: p.Minor}
		if p.B >= 0 {
			row.BUS = row.fill(&b[p.B], zeroB)
		}
		if p.A >= 0 {
			row.AUS = row.fill(&a[p.A], zeroA)
		}
		d.Rows = append(d.Rows, row)
		switch m := row.Mark(); {
		case m == '~':
			d.MinorSame = false
		case m != ' ' && closing:
			d.Differences++
		case m != ' ':
			d.OpeningSame = false
		}
	}
}

// fill takes the row's numbers from a record, and returns its time.
func (r *Row) fill(rec *teardown.Record, zero time.Time) *int64 {
	r.From = teardown.Client
	if rec.Step.From == flow.Server {
		r.From = teardown.Server
	}
	r.Flags, r.Len = rec.Seg.Flags.String(), rec.Seg.PayloadLen
	r.Seq, r.Ack = uint32(rec.Step.SeqOff), 0
	if rec.Seg.Flags.Has(segment.ACK) {
		r.Ack = uint32(rec.Step.AckOff)
	}
	us := rec.Time.Sub(zero).Microseconds()
	return &us
}
