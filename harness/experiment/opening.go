package experiment

import (
	"fmt"

	"lastack/harness/teardown"
)

// Opened is how a connection began.
type Opened struct {
	// SYNBytes is how much data the SYN carried, SYNACKs how much of it the
	// SYN+ACK acknowledged.
	SYNBytes int `json:"syn_bytes"`
	SYNACKs  int `json:"synack_acks"`
	// AnswerMS is the time from the first SYN to the server's first data; -1 if
	// there are none.
	AnswerMS float64 `json:"answer_ms"`
}

// opened looks at the beginning of a connection.
func opened(r *teardown.Report) Opened {
	o := Opened{AnswerMS: -1}
	var start int64
	begun := false
	for _, lines := range [][]teardown.Line{r.Opening, r.Segments} {
		for i := range lines {
			l := &lines[i]
			switch {
			case !l.Arrived() || l.Elided != nil:
			case l.Flags == "SYN" && !begun:
				begun, start, o.SYNBytes = true, l.TimeUS, l.Len
			case l.Flags == "SYN+ACK" && l.Ack > 0:
				o.SYNACKs = int(l.Ack) - 1
			}
			if begun && l.From == teardown.Server && l.Len > 0 && l.Arrived() && o.AnswerMS < 0 {
				o.AnswerMS = millis(l.TimeUS - start) // it may overtake a lost SYN+ACK
			}
		}
	}
	return o
}

// judge compares how a connection began with what is expected.
func (x *Opening) judge(o Opened) string {
	switch {
	case !x.SYNBytes.Has(float64(o.SYNBytes)):
		return fmt.Sprintf("the SYN carried %d bytes, expected %s", o.SYNBytes, x.SYNBytes)
	case !x.SYNACKs.Has(float64(o.SYNACKs)):
		return fmt.Sprintf("the SYN+ACK acknowledged %d bytes of the SYN's, expected %s", o.SYNACKs, x.SYNACKs)
	case x.AnswerMS.Set && o.AnswerMS < 0:
		return fmt.Sprintf("the server sent no data, expected some after %s ms", x.AnswerMS)
	case !x.AnswerMS.Has(o.AnswerMS):
		return fmt.Sprintf("the server's first data came %.1f ms after the SYN, expected %s", o.AnswerMS, x.AnswerMS)
	}
	return ""
}
