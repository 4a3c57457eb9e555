package teardown_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/teardown"
)

func compareScript(t *testing.T) []teardown.Record {
	t.Helper()
	return script(t, "0 c SYN mss=1460\n0.1 s SYN+ACK mss=1460\n0.2 c ACK\n1 c PSH+ACK len=79 ts=1\n1.1 s ACK ts=1\n"+
		"2 s PSH+ACK len=1400 ts=2\n2.1 s PSH+ACK len=600 ts=2\n2.2 c ACK ts=3\n3 c FIN+ACK ts=4\n3.1 s FIN+ACK ts=5\n3.2 c ACK ts=6\n")
}

func TestCompareSame(t *testing.T) {
	a, b := compareScript(t), compareScript(t)
	for i := range b {
		b[i].Time = b[i].Time.Add(17 * time.Second)
		b[i].Seg.TSVal += 99 // values are not compared
	}
	b[5].Time = b[5].Time.Add(250 * time.Microsecond)
	b[9].Time = b[9].Time.Add(-90 * time.Microsecond)
	d := teardown.Compare(a, b)
	if !d.Same || d.Matched != len(a) || d.First != "" || d.Interleavings != 0 {
		t.Errorf("%+v", d)
	}
	if d.ClockOffsetUS != 17_000_000 || d.MaxTimeDifferenceUS != 250 ||
		d.MaxTimeDifferenceAt != "the server's segment 3 (PSH+ACK seq=1 ack=80 len=1400)" {
		t.Errorf("times: %+v", d)
	}
}

// differences change one thing in B at a time.
var differences = []struct {
	name                  string
	change                func(b []teardown.Record) []teardown.Record
	first                 string
	onlyA, onlyB, changed int
	matched, interleaved  int
}{
	{"window", func(b []teardown.Record) []teardown.Record { b[8].Seg.Window = 7; return b },
		"the client's segment 5 (FIN+ACK seq=80 ack=2001 len=0): window 1000 in A, 7 in B", 0, 0, 1, 10, 0},
	{"flags", func(b []teardown.Record) []teardown.Record { b[5].Seg.Flags &^= 8; return b },
		"the server's segment 3 (PSH+ACK seq=1 ack=80 len=1400): flags PSH+ACK in A, ACK in B", 0, 0, 1, 10, 0},
	{"timestamps", func(b []teardown.Record) []teardown.Record { b[3].Seg.HasTimestamps = false; return b },
		"timestamps yes in A, no in B", 0, 0, 1, 10, 0},
	{"MSS", func(b []teardown.Record) []teardown.Record { b[0].Seg.MSS = 9000; return b },
		"MSS 1460 in A, 9000 in B", 0, 0, 1, 10, 0},
	{"scale", func(b []teardown.Record) []teardown.Record { b[1].Seg.HasWindowScale = true; return b },
		"window scale none in A, 0 in B", 0, 0, 1, 10, 0},
	{"missing", func(b []teardown.Record) []teardown.Record { return slices.Delete(b, 6, 7) },
		"only A has the server's segment 4 (PSH+ACK seq=1401 ack=80 len=600)", 1, 0, 0, 10, 0},
	{"missing end", func(b []teardown.Record) []teardown.Record { return b[:9] },
		"only A has the server's segment 5 (FIN+ACK seq=2001 ack=81 len=0)", 2, 0, 0, 9, 0},
	{"twice", func(b []teardown.Record) []teardown.Record { return slices.Insert(b, 8, b[7]) },
		"only B has the client's segment", 0, 1, 0, 11, 0},
	{"ack", func(b []teardown.Record) []teardown.Record { b[7].Step.AckOff--; return b },
		"ack 2001 in A, 2000 in B", 0, 0, 1, 10, 0},
	{"everything", func(b []teardown.Record) []teardown.Record { return nil },
		"only A has the client's segment 1 (SYN seq=0 len=0)", 11, 0, 0, 0, 0},
}

func TestCompareDiffers(t *testing.T) {
	for _, tt := range differences {
		t.Run(tt.name, func(t *testing.T) {
			a := compareScript(t)
			d := teardown.Compare(a, tt.change(compareScript(t)))
			if d.Same || !strings.Contains(d.First, tt.first) {
				t.Errorf("first %q, want %q", d.First, tt.first)
			}
			if d.OnlyA != tt.onlyA || d.OnlyB != tt.onlyB || d.Changed != tt.changed || d.Matched != tt.matched || d.Interleavings != tt.interleaved {
				t.Errorf("%+v", d)
			}
			if n := tt.onlyA + tt.onlyB + tt.changed; len(d.Differences) != n {
				t.Errorf("%d differences told, want %d: %q", len(d.Differences), n, d.Differences)
			}
		})
	}
}

// TestCompareInterleaving: the order of the two directions is no difference.
func TestCompareInterleaving(t *testing.T) {
	a, b := compareScript(t), compareScript(t)
	b[7], b[6] = b[6], b[7]
	d := teardown.Compare(a, b)
	want := "A has the server's segment 4 (PSH+ACK seq=1401 ack=80 len=600) before the client's segment 4 (ACK seq=80 ack=2001 len=0), B after it"
	if !d.Same || d.Interleavings != 1 || d.FirstInterleaving != want {
		t.Errorf("%+v", d)
	}
}

// TestCompareMidstream: where one trace does not have the SYNs, numbers are compared as
// they stand on the wire.
func TestCompareMidstream(t *testing.T) {
	a := compareScript(t)
	tb := teardown.NewTable(teardown.Config{})
	b := compareScript(t)[5:]
	for i := range b {
		tb.Add(&b[i])
	}
	d := teardown.Compare(a, b)
	if d.Matched != len(b) || d.OnlyA != 5 || d.Changed+d.OnlyB != 0 {
		t.Errorf("%+v", d)
	}
}
