package explain_test

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
	"lastack/stack/segment"
)

// hop is one segment on its way over a made-up path.
type hop struct {
	seg      segment.Segment
	ttl, tos uint8
	id       uint16
	toServer bool
	lose     bool
	inject   *segment.Segment // sent back instead, by a machine two hops nearer
}

// madePath is a path that exists in a test only: A is what capturetest generates, at
// the client's end; B is that as it comes out of the other end.
type madePath struct {
	t     *testing.T
	cfg   capturetest.Config
	clock func(time.Time) time.Time // B's for A's
	delay func(r *rand.Rand) time.Duration
	on    func(h *hop)
	a, b  []capture.Packet
	truth []capturetest.Truth
	lost  [2]int // to the server, to the client
	rsts  int
}

// run makes both captures. What the server sends leaves its end a delay before A has it.
func (m *madePath) run() {
	var file bytes.Buffer
	m.cfg.Link, m.cfg.Format = capturetest.RawIP, capturetest.PcapNano
	m.cfg.Each = func(t capturetest.Truth) { m.truth = append(m.truth, t) }
	if _, err := capturetest.Write(&file, m.cfg); err != nil {
		m.t.Fatal(err)
	}
	r, err := capture.NewReader(&file)
	if err != nil {
		m.t.Fatal(err)
	}
	all, err := capture.ReadAll(r)
	if err != nil {
		m.t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(7, 7))
	for _, p := range all {
		m.packet(p, random)
	}
	for _, list := range [][]capture.Packet{m.a, m.b} {
		slices.SortStableFunc(list, func(x, y capture.Packet) int { return x.Time.Compare(y.Time) })
	}
}

func (m *madePath) packet(p capture.Packet, random *rand.Rand) {
	s, err := segment.Parse(p.Data)
	if err != nil {
		m.t.Fatal(err)
	}
	h := hop{seg: s, ttl: p.Data[8], id: uint16(p.Data[4])<<8 | uint16(p.Data[5]), toServer: s.Dst.Port < 32768}
	if h.ttl == 0 {
		m.t.Fatal("no TTL")
	}
	h.ttl -= 3
	if m.on != nil {
		m.on(&h)
	}
	here, there := p, p.Clone()
	there.Data = build(&h)
	there.OrigLen = len(there.Data)
	there.Time = m.clock(p.Time.Add(m.delay(random)))
	if !h.toServer { // A has what came out of the path, B what went in
		there.Time = m.clock(p.Time.Add(-m.delay(random)))
		here.Data = slices.Clone(p.Data)
		here.Data[8], there.Data[8] = there.Data[8], p.Data[8]
	}
	switch {
	case h.lose && h.toServer:
		m.a = append(m.a, here)
		m.lost[0]++
	case h.lose:
		m.b = append(m.b, there)
		m.lost[1]++
	default:
		m.a, m.b = append(m.a, here), append(m.b, there)
	}
	if h.inject != nil {
		m.rsts++
		forged := here
		forged.Data = build(&hop{seg: *h.inject, ttl: 63})
		forged.OrigLen, forged.Time = len(forged.Data), here.Time.Add(10*time.Microsecond)
		m.a = append(m.a, forged)
	}
}

func build(h *hop) []byte {
	b := segment.Append(nil, &h.seg, make([]byte, h.seg.PayloadLen))
	b[1], b[4], b[5], b[8] = h.tos, byte(h.id>>8), byte(h.id), h.ttl
	return b
}

// source is packets that may be read again.
type source struct{ packetList }

func (source) Close() error { return nil }

func (m *madePath) diff() *explain.PathDiff { return diffOf(m.t, m.a, m.b) }

func diffOf(t *testing.T, a, b []capture.Packet) *explain.PathDiff {
	t.Helper()
	var s [2]*explain.Survey
	var err error
	for i, packets := range [][]capture.Packet{a, b} {
		if s[i], err = explain.NewSurvey(&packetList{packets}, []string{"a.pcap", "b.pcap"}[i]); err != nil {
			t.Fatal(err)
		}
	}
	open := func(p []capture.Packet) explain.Opener {
		return func() (explain.PathSource, error) { return &source{packetList{p}}, nil }
	}
	d, err := explain.ComparePath(s[0], s[1], open(a), open(b))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// offset is what B's clock is ahead in these tests.
const offset = 3700 * time.Millisecond

func newPath(t *testing.T, connections int) *madePath {
	return &madePath{
		t: t, cfg: capturetest.Config{Seed: 11, Connections: connections, Response: 20_000, Gap: 5 * time.Millisecond},
		clock: func(at time.Time) time.Time { return at.Add(offset) },
		// Less than half of the shortest round trip that is generated.
		delay: func(r *rand.Rand) time.Duration { return time.Duration(10_000 + r.Int64N(5_000)) },
	}
}

// talking are the kinds of close that have more than two segments.
var talking = slices.DeleteFunc(capturetest.Kinds(), func(k capturetest.Kind) bool { return k == capturetest.Refused })

// nat translates the client's address and port, as a NAT of many clients does.
func nat(h *hop) {
	public := netip.MustParseAddr("198.51.100.1").As16()
	if h.toServer {
		h.seg.Src.Addr = public
		h.seg.Src.Port += 7
	} else {
		h.seg.Dst.Addr = public
		h.seg.Dst.Port += 7
	}
}

// merge joins data that follow each other in a connection, as receive offload does.
func merge(t *testing.T, packets []capture.Packet) (out []capture.Packet) {
	type pending struct {
		hop
		at time.Time
	}
	waiting := map[segment.Tuple]*pending{}
	flush := func(key segment.Tuple) {
		if w := waiting[key]; w != nil {
			data := build(&w.hop)
			out = append(out, capture.Packet{Time: w.at, Data: data, OrigLen: len(data)})
			delete(waiting, key)
		}
	}
	for _, p := range packets {
		s, err := segment.Parse(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		key, _ := s.Canonical()
		if w := waiting[key]; w != nil && w.seg.Tuple == s.Tuple && w.seg.End() == s.Seq && s.PayloadLen > 0 && w.seg.PayloadLen > 0 {
			w.seg.PayloadLen += s.PayloadLen
			w.seg.Flags |= s.Flags
			w.at = p.Time
			continue
		}
		flush(key)
		waiting[key] = &pending{hop{seg: s, ttl: p.Data[8], id: uint16(p.Data[4])<<8 | uint16(p.Data[5])}, p.Time}
	}
	for key := range waiting {
		flush(key)
	}
	slices.SortStableFunc(out, func(x, y capture.Packet) int { return x.Time.Compare(y.Time) })
	return out
}
