package experiment

import (
	"strings"
	"testing"
)

// fast is a connection whose SYN carries data.
const fast = `
	client 10.77.0.1:4000
	server 10.77.0.2:8000
	0    c SYN mss=1460 len=100
	100  s SYN+ACK mss=1460 ack=101
	100.1 s PSH+ACK len=50
	100.2 c ACK`

func TestOpened(t *testing.T) {
	plain, quick := report(t, three), report(t, fast)
	if o := opened(&plain); o != (Opened{0, 0, 0.2}) {
		t.Errorf("plain: %+v", o)
	}
	if o := opened(&quick); o.SYNBytes != 100 || o.SYNACKs != 100 || o.AnswerMS != 100.1 {
		t.Errorf("fast: %+v", o)
	}
}

// TestOpening: each expectation can fail, and says how.
func TestOpening(t *testing.T) {
	o := Opened{SYNBytes: 100, SYNACKs: 0, AnswerMS: 201}
	is := func(v float64) Range { return Range{v, v, true} }
	for want, x := range map[string]Opening{
		"the SYN carried 100 bytes, expected 0":                         {SYNBytes: is(0)},
		"the SYN+ACK acknowledged 0 bytes of the SYN's, expected 100":   {SYNACKs: is(100)},
		"the server's first data came 201.0 ms after the SYN, expected": {AnswerMS: is(101)},
		"": {SYNBytes: is(100), SYNACKs: is(0), AnswerMS: is(201)},
	} {
		if got := x.judge(o); want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	none := Opening{AnswerMS: is(1)}
	if got := none.judge(Opened{AnswerMS: -1}); !strings.Contains(got, "sent no data") {
		t.Error(got)
	}
}
