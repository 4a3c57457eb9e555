package explain_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
	"lastack/harness/term/golden"
	"lastack/stack/segment"
)

// TestPathNAT: a NAT changes nothing but addresses, ports and the TTL, and nothing differs.
func TestPathNAT(t *testing.T) {
	m := newPath(t, 300)
	m.cfg.LostFINs = 20
	m.on = nat
	m.run()
	d := m.diff()
	if !d.Same || !d.LossFree || !d.Unchanged || d.Matched != 300 || d.MatchedBy[explain.MatchISNs]+d.MatchedBy[explain.MatchOneISN] != 300 {
		t.Errorf("same %v, loss-free %v, unchanged %v, %d matched: %v\n%+v\n%+v", d.Same, d.LossFree, d.Unchanged, d.Matched, d.MatchedBy, d.Ways, d.Changes)
	}
	clockIs(t, d, offset)
	if d.A.NearClients != 300 || d.Ways[0].Sent.Segments+d.Ways[1].Sent.Segments != len(m.a) {
		t.Errorf("%d clients at A; %+v, of %d", d.A.NearClients, d.Ways, len(m.a))
	}
	if least := d.Ways[0].Delay.MinUS; least < 9 || least > 12 {
		t.Errorf("delay %+v", d.Ways[0].Delay)
	}
	var what []string
	for _, c := range d.Changes {
		what = append(what, fmt.Sprintf("%s %s %s %s %d", c.Way, c.What, c.From, c.To, c.Connections))
	}
	for _, want := range []string{"A to B TTL 64 61 300", "B to A TTL 64 61 300", "both client's port   300", "both client's address 10.1.0.0 198.51.100.1 300"} {
		if !slices.Contains(what, want) {
			t.Errorf("no %q in %q", want, what)
		}
	}
	back := diffOf(t, m.b, m.a)
	clockIs(t, back, -offset)
	if !back.Same || back.B.NearClients != 300 || back.Ways[1].Sent != d.Ways[0].Sent {
		t.Errorf("the other way round: %+v, want %+v", back.Ways, d.Ways)
	}
}

// clockIs checks the offset against the bounds that are given for it.
func clockIs(t *testing.T, d *explain.PathDiff, want time.Duration) {
	t.Helper()
	c := d.Clock
	if !c.Known || c.UncertaintyUS == nil {
		t.Fatalf("no offset: %+v", c)
	}
	off := c.OffsetUS - want.Microseconds()
	if max(off, -off) > *c.UncertaintyUS || *c.UncertaintyUS > 20 || c.Uneven {
		t.Errorf("offset %d us, want %d: %+v", c.OffsetUS, want.Microseconds(), c)
	}
}

// TestPathLoss: every lost segment is counted once, by its kind and direction.
func TestPathLoss(t *testing.T) {
	m := newPath(t, 400)
	m.cfg.Kinds, m.cfg.LostFINs = talking, 20
	random := rand.New(rand.NewPCG(1, 2))
	kinds := map[string]int{}
	m.on = func(h *hop) {
		nat(h)
		if h.lose = random.IntN(100) < 5; !h.lose {
			return
		}
		switch f := h.seg.Flags; {
		case f.Has(segment.RST):
			kinds["RST"]++
		case f.Has(segment.SYN):
			kinds["SYN"]++
		case f.Has(segment.FIN):
			kinds["FIN"]++
		case h.seg.PayloadLen > 0:
			kinds["data"]++
		default:
			kinds["ACK"]++
		}
	}
	m.run()
	d := m.diff()
	x, y := d.Ways[0].Lost, d.Ways[1].Lost
	got := map[string]int{"RST": x.RST + y.RST, "SYN": x.SYN + y.SYN, "FIN": x.FIN + y.FIN, "data": x.Data + y.Data, "ACK": x.ACK + y.ACK}
	if x.Segments != m.lost[0] || y.Segments != m.lost[1] || fmt.Sprint(got) != fmt.Sprint(kinds) {
		t.Errorf("%d and %d lost, %v; want %v, %v", x.Segments, y.Segments, got, m.lost, kinds)
	}
	if d.Ways[0].Added.Segments+d.Ways[1].Added.Segments != 0 || d.Matched != 400 {
		t.Errorf("%d matched; %+v", d.Matched, d.Ways)
	}
	if d.Same || d.LossFree || !d.Unchanged || d.Differing == 0 || len(d.Connections) != d.Differing {
		t.Errorf("same %v, %d differ; %+v", d.Same, d.Differing, d.Changes)
	}
	closeLost := map[string]int{}
	for _, c := range d.Connections {
		for _, e := range c.Events {
			if e.Fate == "lost" {
				closeLost[e.What]++
			}
		}
	}
	if closeLost["RST"] != kinds["RST"] || closeLost["FIN"] != kinds["FIN"] || closeLost["ACK of FIN"] != x.FINACK+y.FINACK {
		t.Errorf("events %v, want %v", closeLost, kinds)
	}
}

// TestPathOffload: where one end merges segments and the other does not, nothing is
// lost, added or changed.
func TestPathOffload(t *testing.T) {
	m := newPath(t, 100)
	m.cfg.Response = 60_000
	m.run()
	merged := merge(t, m.b)
	if len(merged) > len(m.b)*3/4 {
		t.Fatalf("%d of %d packets are left", len(merged), len(m.b))
	}
	for _, d := range []*explain.PathDiff{diffOf(t, m.a, merged), diffOf(t, merged, m.a)} {
		if !d.Same || !d.LossFree || !d.Unchanged {
			t.Errorf("same %v, loss-free %v, unchanged %v; %+v %+v", d.Same, d.LossFree, d.Unchanged, d.Ways, d.Changes)
		}
	}
}

// TestPathFirewall: initial numbers rewritten, options taken out, a RST for FINs.
func TestPathFirewall(t *testing.T) {
	m := newPath(t, 200)
	m.cfg.Kinds = []capturetest.Kind{capturetest.ThreeWay, capturetest.Open}
	m.on = func(h *hop) {
		shift := segment.Seq(0x5000_0000 + uint32(h.seg.Src.Port) + uint32(h.seg.Dst.Port))
		if h.toServer {
			h.seg.Seq += shift
		} else if h.seg.Flags.Has(segment.ACK) {
			h.seg.Ack += shift
		}
		if !h.toServer {
			h.seg.Seq -= shift
		} else if h.seg.Flags.Has(segment.ACK) {
			h.seg.Ack -= shift
		}
		if h.seg.Flags.Has(segment.SYN) {
			h.seg.SACKPermitted, h.seg.HasWindowScale = false, false
			h.seg.MSS = 1380
		}
		h.seg.HasTimestamps = false
	}
	m.run()
	d := m.diff()
	if d.Matched != 200 || d.MatchedBy[explain.MatchTuple] != 200 || !d.Same || !d.LossFree || d.Unchanged {
		t.Errorf("%d matched: %v; same %v, loss-free %v; %+v", d.Matched, d.MatchedBy, d.Same, d.LossFree, d.Ways)
	}
	var what []string
	for _, c := range d.Changes {
		what = append(what, fmt.Sprintf("%s %s %s %s %d", c.Way, c.What, c.From, c.To, c.Connections))
	}
	for _, want := range []string{
		// The generator's captures have A's segments, so that the options are missing at B either way.
		"A to B MSS 1460 1380 200", "B to A MSS 1380 1460 200", "B to A timestamp option none present 200", "A to B window scale 7 none 200",
		"A to B SACK-permitted option present none 200", "A to B initial sequence numbers   200", "B to A initial sequence numbers   200",
	} {
		if !slices.Contains(what, want) {
			t.Errorf("no %q in %q", want, what)
		}
	}
}

// TestPathInjected: RSTs that the other end never sent, and who has them.
func TestPathInjected(t *testing.T) {
	m := newPath(t, 200)
	m.cfg.Kinds = []capturetest.Kind{capturetest.ThreeWay}
	m.on = func(h *hop) {
		nat := h.seg.Tuple.Reverse()
		if h.toServer && h.seg.Flags.Has(segment.FIN) && h.seg.Src.Port%10 == 0 {
			h.lose = true
			h.inject = &segment.Segment{Tuple: nat, Version: 4, Flags: segment.RST | segment.ACK, Seq: h.seg.Ack, Ack: h.seg.End()}
		}
	}
	m.run()
	d := m.diff()
	if m.rsts == 0 || d.Ways[1].Added.RST != m.rsts || d.Ways[1].Added.Segments != m.rsts || len(d.Resets) != 1 {
		t.Fatalf("%d RSTs; %+v, %+v", m.rsts, d.Ways[1], d.Resets)
	}
	r := d.Resets[0]
	if r.What != "injected" || r.At != "A" || r.From != "server" || r.TTL != 63 || r.SenderTTL != 61 || r.OtherTTL != m.rsts || r.Connections != m.rsts {
		t.Errorf("%+v", r)
	}
	if c := d.Connections[0]; c.ClosesSame || c.A.ResetBy != "server" || c.B.ResetBy != "none" || c.Events[0].What != "FIN" || c.Events[1].Fate != "injected" {
		t.Errorf("%+v", c)
	}
}

// TestPathDrift: a clock that runs fast, over a long time.
func TestPathDrift(t *testing.T) {
	m := newPath(t, 300)
	m.cfg.Gap = 10 * time.Second
	var begin time.Time
	m.clock = func(at time.Time) time.Time {
		if begin.IsZero() {
			begin = at
		}
		return at.Add(offset + at.Sub(begin)*40/1_000_000)
	}
	m.run()
	d := m.diff()
	if c := d.Clock; c.DriftPPM < 38 || c.DriftPPM > 42 || c.DriftUncertaintyPPM > 3 || c.Uneven {
		t.Errorf("%+v", c)
	}
	clockIs(t, d, offset)
	if !d.Same || !d.LossFree {
		t.Errorf("%+v", d.Ways)
	}
}

// TestPathPart: captures that begin and end at other times are compared where both
// are, and connections without a handshake are found by their numbers.
func TestPathPart(t *testing.T) {
	m := newPath(t, 300)
	m.cfg.Gap, m.cfg.Response = 200*time.Microsecond, 200_000
	m.on = nat
	m.run()
	a, b := m.a[:len(m.a)*3/4], m.b[len(m.b)/4:]
	d := diffOf(t, a, b)
	if !d.Same || !d.LossFree || d.Ways[0].NotCompared == 0 || d.Ways[1].NotCompared == 0 || d.MatchedBy[explain.MatchNATNumbers] == 0 {
		t.Errorf("same %v; %v %+v %+v", d.Same, d.MatchedBy, d.Ways, d.Alone)
	}
	clockIs(t, d, offset)
	if d.A.Outside == 0 || d.B.Outside == 0 {
		t.Errorf("%+v, %+v", d.A, d.B)
	}
}

// TestPathProxy: a proxy begins connections of its own; they are candidates.
func TestPathProxy(t *testing.T) {
	m := newPath(t, 20)
	m.cfg.Kinds = []capturetest.Kind{capturetest.ThreeWay}
	m.on = func(h *hop) {
		nat(h)
		shift := segment.Seq(uint32(h.seg.Src.Port+h.seg.Dst.Port) * 77_777)
		h.seg.Seq += shift
		h.seg.Ack += shift
		if h.toServer {
			h.seg.Dst.Addr = netip.MustParseAddr("203.0.113.9").As16()
		} else {
			h.seg.Src.Addr = netip.MustParseAddr("203.0.113.9").As16()
		}
	}
	m.clock = func(at time.Time) time.Time { return at }
	m.run()
	d := m.diff()
	if d.Matched != 0 || d.Same || len(d.Proxied) != 20 {
		t.Errorf("%d matched, %d proxied, same %v", d.Matched, len(d.Proxied), d.Same)
	}
}

// TestPathGolden: what a person and a program read of one path.
func TestPathGolden(t *testing.T) {
	m := newPath(t, 60)
	random := rand.New(rand.NewPCG(3, 4))
	m.on = func(h *hop) {
		nat(h)
		back := h.seg.Tuple.Reverse()
		back.Dst.Port -= 7
		back.Dst.Addr = netip.MustParseAddr("10.1.0.0").As16()
		h.lose = random.IntN(100) < 3
		if h.toServer && h.seg.Flags.Has(segment.FIN) && h.seg.Src.Port%20 == 0 {
			h.lose = true
			h.inject = &segment.Segment{Tuple: back, Version: 4, Flags: segment.RST | segment.ACK, Seq: h.seg.Ack, Ack: h.seg.End()}
		}
	}
	m.run()
	d := m.diff()
	for columns, file := range map[int]string{80: "testdata/path.txt", 40: "testdata/path-narrow.txt"} {
		var text bytes.Buffer
		if err := explain.WritePathDiff(&text, d, explain.Look{Columns: columns}); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(text.String(), "\n") {
			if len([]rune(line)) > columns {
				t.Errorf("%d columns: %s", len(line), line)
			}
		}
		golden.Match(t, file, text.Bytes())
	}
	d.Connections = d.Connections[:2]
	doc, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Match(t, "testdata/path.json", append(doc, '\n'))
}
