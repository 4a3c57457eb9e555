package teardown_test

import (
	"fmt"
	"strings"
	"testing"

	"lastack/harness/teardown"
)

// TestLostChangesNothing: with or without the segments that never came to the
// wire, a connection is the same but for the lines that show them and a word in the
// reason.
func TestLostChangesNothing(t *testing.T) {
	recs := script(t, opening+"10 c FIN+ACK\n11 s FIN+ACK\n12 c ACK\n")
	want := teardown.Conn{Keep: -1}
	for _, r := range recs {
		want.Add(r)
	}
	got := teardown.Conn{Keep: -1}
	for _, r := range recs {
		lost := r
		lost.Lost, lost.Impaired = true, "dropped: every segment from either"
		got.Add(lost)
		got.Add(r)
		got.Add(lost)
	}
	g, w := got.Report(), want.Report()
	var kept []teardown.Line
	lost := 0
	for _, l := range append(g.Opening, g.Segments...) {
		if !l.Lost {
			kept = append(kept, l)
			continue
		}
		lost++
		if l.Impaired != "dropped: every segment from either" || l.Carries != "" || l.Why != "" {
			t.Errorf("lost line %+v", l)
		}
	}
	if all := append(w.Opening, w.Segments...); fmt.Sprint(kept) != fmt.Sprint(all) {
		t.Errorf("lines that were on the wire:\n%v\nwant\n%v", kept, all)
	}
	// The very first, before there was a connection, is not shown.
	if lost != 2*len(recs)-1 {
		t.Errorf("%d lost lines, want %d", lost, 2*len(recs)-1)
	}
	g.Opening, g.Segments, w.Opening, w.Segments = nil, nil, nil, nil
	if !strings.HasPrefix(g.Reason, strings.TrimSuffix(w.Reason, ".")) {
		t.Errorf("reason %q, want %q first", g.Reason, w.Reason)
	}
	g.Reason = w.Reason
	if fmt.Sprint(g) != fmt.Sprint(w) {
		t.Errorf("%+v\nwant %+v", g, w)
	}
}

// TestLostInATable is shown in its connection and makes none.
func TestLostInATable(t *testing.T) {
	recs := script(t, opening+"10 c FIN+ACK\n11 s FIN+ACK\n12 c ACK\n")
	table := teardown.NewTable(teardown.Config{})
	lost := recs[3]
	lost.Lost, lost.Impaired = true, "dropped: the 1st FIN from peer"
	if c := table.Add(&lost); c != nil || len(table.All()) != 0 {
		t.Error("a lost segment made a connection")
	}
	for i := range 3 {
		table.Add(&recs[i])
	}
	if c := table.Add(&lost); c == nil || !strings.Contains(fmt.Sprint(c.Report().Opening), lost.Impaired) {
		t.Error("the lost FIN is not in its connection")
	}
}
