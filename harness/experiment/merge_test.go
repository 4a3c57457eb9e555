package experiment

import (
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/host/trace"
	"lastack/harness/teardown"
	"lastack/harness/teardown/ladder"
	"lastack/harness/teardown/teardowntest"
	"lastack/stack/impair"
	"lastack/stack/segment"
)

// impairedClose is a close as the close path saw it: the server's ACK of the FIN
// is dropped, and the FIN that comes again is delayed.
const impairedClose = shake + `
	0.30  c FIN+ACK
	40.3  s ACK
	210.3 c FIN+ACK seq=101
	240.4 s ACK
	260.3 s FIN+ACK
	260.4 c ACK`

// TestMerge: what was dropped on its way out is shown and counts for nothing,
// what fell to another rule says so, and only one of two equal segments does.
func TestMerge(t *testing.T) {
	recs, err := teardowntest.Parse(impairedClose)
	if err != nil {
		t.Fatal(err)
	}
	drop, delay := rule(t, "drop the 1st pure ACK of a FIN from host"), rule(t, "delay the 2nd FIN from peer by 30 ms")
	var packets []capture.Packet
	var items []trace.Item
	for i, r := range recs {
		item := trace.Item{Time: r.Time, Seg: r.Seg}
		switch i {
		case 6:
			item.Rule, item.Lost, item.Out = drop, true, true
		case 7:
			item.Rule = delay
		}
		items = append(items, item)
		if !item.Lost {
			seen := r.Time.Add(20 * time.Microsecond)
			packets = append(packets, capture.Packet{Time: seen, Data: segment.Append(nil, &r.Seg, make([]byte, r.Seg.PayloadLen))})
		}
	}
	var w watch
	w.packets = packets
	w.retell(merge(w.packets, items))
	r := w.reports()[0]
	if r.Close != teardown.FourWay || r.FINRetransmissions != 1 {
		t.Errorf("%s, %d FINs again", r.Close, r.FINRetransmissions)
	}
	var got []string
	for _, l := range r.Segments {
		if l.Impaired != "" {
			got = append(got, l.Flags+" "+l.Impaired)
		}
	}
	want := "ACK dropped: the 1st pure ACK of a FIN from host, FIN+ACK delayed: the 2nd FIN from peer by 30 ms"
	if strings.Join(got, ", ") != want {
		t.Errorf("%s", strings.Join(got, ", "))
	}
	if drawn := ladder.Render(&r, ladder.Config{}); !strings.Contains(drawn, "dropped: the 1st pure ACK") {
		t.Errorf("not in the ladder:\n%s", drawn)
	}
	if why := differ(patterns(t, "client FIN+ACK", "server ACK acks FIN", "server FIN+ACK", "client ACK acks FIN"), r.Segments); why != "" {
		t.Errorf("the lost segment disturbs: %s", why)
	}
}

// TestMergeLostIn: what was dropped on its way in is on the wire, and arrived only with
// its copy: the states are those of who got it, and so are the segments that are compared.
func TestMergeLostIn(t *testing.T) {
	recs, err := teardowntest.Parse(shake + `
		0.30  c FIN+ACK
		210.3 c FIN+ACK seq=101
		210.4 s FIN+ACK
		210.5 c ACK
		420.1 s FIN+ACK seq=101
		420.2 c ACK`)
	if err != nil {
		t.Fatal(err)
	}
	drop := rule(t, "drop the 1st segment from peer")
	var packets []capture.Packet
	var items []trace.Item
	for i, r := range recs {
		item := trace.Item{Time: r.Time, Seg: r.Seg}
		if i == 5 || i == 8 {
			item.Rule, item.LostIn = drop, true
		}
		items = append(items, item)
		packets = append(packets, capture.Packet{Time: r.Time, Data: segment.Append(nil, &r.Seg, make([]byte, r.Seg.PayloadLen))})
	}
	var w watch
	w.packets = packets
	w.retell(merge(w.packets, items))
	r := w.reports()[0]
	var got []string
	for _, l := range r.Segments {
		arrow := " to "
		if !l.Arrived() {
			arrow = " not to "
		}
		got = append(got, l.Flags+arrow+strings.Join(l.States[:], "/"))
	}
	want := []string{
		"FIN+ACK not to FIN_WAIT_1/ESTABLISHED", "FIN+ACK to FIN_WAIT_1/CLOSE_WAIT", "FIN+ACK to TIME_WAIT/LAST_ACK",
		"ACK not to TIME_WAIT/LAST_ACK", "FIN+ACK to TIME_WAIT/LAST_ACK", "ACK to TIME_WAIT/CLOSED",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q\nwant %q", got, want)
	}
	if why := differ(patterns(t, "client FIN+ACK at 210..211", "server FIN+ACK acks FIN", "client ACK acks FIN at 419..421"), r.Segments); why != "" {
		t.Errorf("what was lost disturbs: %s", why)
	}
}

func rule(t *testing.T, text string) *impair.Rule {
	t.Helper()
	r, err := impair.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &r
}
