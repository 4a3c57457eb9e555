package trace

import (
	"testing"
	"time"

	"lastack/stack/closepath"
	"lastack/stack/flow"
	"lastack/stack/impair"
	"lastack/stack/segment"
)

func event(point closepath.Point, kind closepath.Kind, seq segment.Seq) *closepath.Event {
	return &closepath.Event{
		Kind: kind, Point: point, Dir: closepath.Out, Time: time.Unix(5, 0),
		Seg:  &segment.Segment{Seq: seq, Flags: segment.FIN | segment.ACK},
		Hold: flow.Carried, Held: 11 * time.Millisecond,
	}
}

func TestOnlyTheWireIsRecorded(t *testing.T) {
	r := New(Config{Delay: -1})
	r.Tap(event(closepath.Host, closepath.Seen, 1))
	r.Tap(event(closepath.Host, closepath.Held, 2))
	r.Tap(event(closepath.Wire, closepath.Seen, 3))
	select {
	case <-r.Ready():
	default:
		t.Error("not ready after a segment on the wire")
	}
	items := r.Take()
	if len(items) != 1 || items[0].Seg.Seq != 3 || !items[0].Out {
		t.Errorf("recorded %+v", items)
	}
	if len(r.Take()) != 0 {
		t.Error("Take did not empty the queue")
	}
}

// TestImpairedSegments: one that the wire had is there with its rule, and one that
// a rule dropped on its way out is there as lost.
func TestImpairedSegments(t *testing.T) {
	r := New(Config{Delay: -1})
	rule, err := impair.Parse("drop the 1st FIN from either")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct {
		kind closepath.Kind
		dir  closepath.Dir
	}{{closepath.Seen, closepath.In}, {closepath.Impaired, closepath.In}, {closepath.Impaired, closepath.Out}} {
		ev := event(closepath.Wire, e.kind, 1)
		ev.Dir, ev.Rule, ev.Hold = e.dir, &rule, flow.NotHeld
		r.Tap(ev)
	}
	items := r.Take()
	if len(items) != 2 || items[0].Lost || !items[0].LostIn || !items[1].Lost || items[1].LostIn {
		t.Fatalf("recorded %+v", items)
	}
	for _, i := range items {
		rec := i.Record()
		if rec.Impaired != "dropped: the 1st FIN from either" || rec.Lost != i.Lost || rec.LostIn != i.LostIn || i.Comment() != "lastack: "+rec.Impaired {
			t.Errorf("record %+v, comment %q", rec, i.Comment())
		}
	}
}

// TestLostIn: what of the wire the other end does not take.
func TestLostIn(t *testing.T) {
	for _, tt := range []struct {
		rule string
		dir  closepath.Dir
		lost bool
		word string
	}{
		{"drop the 1st FIN from peer", closepath.In, true, "dropped: the 1st FIN from peer"},
		{"corrupt the 1st FIN from peer", closepath.In, true, "corrupted: the 1st FIN from peer"},
		{"corrupt the 1st FIN from host", closepath.Out, true, "corrupted: the 1st FIN from host"},
		{"duplicate the 1st FIN from peer", closepath.In, false, "duplicated: the 1st FIN from peer"},
		{"delay the 1st FIN from host by 1 ms", closepath.Out, false, "delayed: the 1st FIN from host by 1 ms"},
		{"damaged", closepath.In, true, "dropped: its checksum is wrong"},
		{"", closepath.In, false, ""},
	} {
		ev := event(closepath.Wire, closepath.Seen, 1)
		ev.Dir, ev.Hold, ev.Damaged = tt.dir, flow.NotHeld, tt.rule == "damaged"
		if rule, err := impair.Parse(tt.rule); err == nil {
			ev.Rule = &rule
		}
		r := New(Config{Delay: -1})
		r.Tap(ev)
		rec := r.Take()[0].Record()
		if rec.LostIn != tt.lost || rec.Lost || rec.Impaired != tt.word {
			t.Errorf("%q %s: lost in %v, lost %v, %q", tt.rule, tt.dir, rec.LostIn, rec.Lost, rec.Impaired)
		}
	}
}

func TestReadyComesAfterTheDelay(t *testing.T) {
	r := New(Config{})
	for range 2 { // the second time too
		r.Tap(event(closepath.Wire, closepath.Seen, 1))
		select {
		case <-r.Ready():
		case <-time.After(10 * time.Second):
			t.Fatal("never ready")
		}
		if len(r.Take()) != 1 {
			t.Error("ready without an item")
		}
	}
}

func TestCrowdIsReadyAtOnce(t *testing.T) {
	r := New(Config{Delay: time.Hour})
	for i := range atOnce {
		select {
		case <-r.Ready():
			t.Fatalf("ready after %d segments", i)
		default:
		}
		r.Tap(event(closepath.Wire, closepath.Seen, segment.Seq(i)))
	}
	select {
	case <-r.Ready():
	default:
		t.Errorf("not ready after %d segments", atOnce)
	}
}

func TestFullQueueDropsAndCounts(t *testing.T) {
	r := New(Config{Limit: 2})
	for i := range 5 {
		r.Tap(event(closepath.Wire, closepath.Seen, segment.Seq(i)))
	}
	if got := r.Take(); len(got) != 2 || got[1].Seg.Seq != 1 || r.Dropped() != 3 {
		t.Errorf("%d kept, %d dropped", len(got), r.Dropped())
	}
	r.Tap(event(closepath.Wire, closepath.Seen, 9))
	if len(r.Take()) != 1 {
		t.Error("nothing is recorded after the queue was full")
	}
}

func TestRecordAndComment(t *testing.T) {
	for _, tt := range []struct {
		hold    flow.Hold
		out     bool
		want    flow.Hold
		comment string
	}{
		{flow.NotHeld, true, flow.NotHeld, ""},
		{flow.Carried, true, flow.Carried, "lastack: carries an ACK held 11ms"},
		{flow.Expired, true, flow.Expired, "lastack: delayed ACK ran out after 11ms"},
		{flow.Flushed, true, flow.HoldUnknown, "lastack: delayed ACK let go early, after 11ms"},
		{flow.NotHeld, false, flow.HoldUnknown, ""},
	} {
		i := Item{Hold: tt.hold, Held: 11 * time.Millisecond, Out: tt.out}
		if r := i.Record(); r.Hold != tt.want {
			t.Errorf("%d: hold %d, want %d", tt.hold, r.Hold, tt.want)
		}
		if i.Comment() != tt.comment {
			t.Errorf("%d: comment %q, want %q", tt.hold, i.Comment(), tt.comment)
		}
	}
}
