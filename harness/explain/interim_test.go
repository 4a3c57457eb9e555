package explain

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/stack/segment"
)

// looking is a source that calls look before every nth packet and at the end.
type looking struct {
	capture.Source
	n, every int
	look     func()
}

func (l *looking) Next() (capture.Packet, error) {
	p, err := l.Source.Next()
	if l.n++; err != nil || l.n%l.every == 0 {
		l.look()
	}
	return p, err
}

// analyse explains a capture and looks at the findings now and then.
func analyse(t *testing.T, from capture.Source, every int) (sum []byte, last []Finding) {
	t.Helper()
	a := New(Options{Closed: func(*Connection) error { return nil }, Ports: PortRange{32768, 34367}})
	src := &looking{Source: from, every: every, look: func() { last = a.Findings() }}
	if every == 0 {
		src.every, src.look = 1, func() {}
	}
	if err := a.ReadAll(src); err != nil {
		t.Fatal(err)
	}
	s, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	if every > 0 && !reflect.DeepEqual(last, s.Findings) {
		t.Errorf("at the end the findings were\n%+v\nand are\n%+v", last, s.Findings)
	}
	if sum, err = json.Marshal(s); err != nil {
		t.Fatal(err)
	}
	return sum, last
}

// TestFindingsUnderWay: looking at the findings changes nothing, and at the end they are
// those of the Summary.
func TestFindingsUnderWay(t *testing.T) {
	for seed := range uint64(4) {
		var file bytes.Buffer
		if _, err := capturetest.Write(&file, capturetest.Config{Seed: seed, Connections: 600, LostFINs: 20}); err != nil {
			t.Fatal(err)
		}
		open := func() capture.Source {
			r, err := capture.NewReader(bytes.NewReader(file.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		want, _ := analyse(t, open(), 0)
		got, last := analyse(t, open(), 97)
		if !bytes.Equal(got, want) {
			t.Errorf("looking changed the summary:\n%s\nwant\n%s", got, want)
		}
		if len(last) == 0 {
			t.Error("no findings: this is no test")
		}
	}
}

// TestFindingsUndecided: so it is where the whole capture decides: who is the server where
// no SYN told, what a limit on silence or an ICMP error ended, rates over a gap.
func TestFindingsUndecided(t *testing.T) {
	open := func() capture.Source {
		var two []capture.Source
		for i := range 2 {
			all := recorded(t, capturetest.Config{Seed: uint64(90 + i), Connections: 1200, LostFINs: 10, Link: capturetest.RawIP})
			all, _ = icmpEnds(t, shifted(all, time.Duration(i)*time.Hour, 0))
			two = append(two, &replay{all[len(all)/3:]})
		}
		return NewMerge(two)
	}
	want, _ := analyse(t, open(), 0)
	got, last := analyse(t, open(), 211)
	if !bytes.Equal(got, want) {
		t.Errorf("looking changed the summary:\n%s\nwant\n%s", got, want)
	}
	found := map[FindingKind]bool{}
	for _, f := range last {
		found[f.Kind] = true
	}
	if !found[FindUnreachable] || !found[FindPathMTU] || !found[FindWhoCloses] {
		t.Errorf("found %v", found)
	}
}

// TestFindingsDecideNothing: who is the server where no handshake was seen is not decided by
// a look, as what comes later may tell.
func TestFindingsDecideNothing(t *testing.T) {
	a := New(Options{})
	r := record{}
	for i := range 3 {
		r.Time = time.Unix(1_700_000_000, int64(i))
		r.Seg = segment.Segment{
			Tuple: segment.Tuple{
				Src: segment.EndpointFrom(netip.MustParseAddrPort("10.0.0.1:50000")),
				Dst: segment.EndpointFrom(netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), uint16(40000+i))),
			},
			Flags: segment.ACK, PayloadLen: 10,
		}
		a.add(&r)
	}
	a.Findings()
	if len(a.roles.said) > 0 || a.roles.mute {
		t.Errorf("decided %v; mute %v", a.roles.said, a.roles.mute)
	}
	if _, err := a.Summary(); err != nil || len(a.roles.said) == 0 {
		t.Errorf("the Summary decided nothing: this is no test; %v", err)
	}
}

// TestFindingsClone: the copy has no memory in common with what it is of.
func TestFindingsClone(t *testing.T) {
	var file bytes.Buffer
	if _, err := capturetest.Write(&file, capturetest.Config{Seed: 1, Connections: 2000, LostFINs: 20}); err != nil {
		t.Fatal(err)
	}
	r, err := capture.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	a := New(Options{})
	if err := a.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Summary(); err != nil {
		t.Fatal(err)
	}
	c := a.findings.clone()
	if !reflect.DeepEqual(c, a.findings) {
		t.Error("the copy differs")
	}
	mine := map[uintptr]string{}
	visit(reflect.ValueOf(a.findings), "findings", func(p uintptr, at string) { mine[p] = at })
	shared := map[string]bool{}
	visit(reflect.ValueOf(c), "findings", func(p uintptr, _ string) {
		if at, ok := mine[p]; ok {
			shared[at] = true
		}
	})
	if len(mine) < 50 || len(shared) > 0 {
		t.Errorf("of %d, these are shared: %v", len(mine), shared)
	}
}

// visit calls each for everything that v refers to.
func visit(v reflect.Value, at string, each func(p uintptr, at string)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && v.Type().String() != "*time.Location" {
			each(v.Pointer(), at)
			visit(v.Elem(), at, each)
		}
	case reflect.Map:
		if !v.IsNil() {
			each(v.Pointer(), at)
		}
		for i := v.MapRange(); i.Next(); {
			visit(i.Value(), at+"[]", each)
		}
	case reflect.Slice:
		if v.Cap() > 0 {
			each(v.Pointer(), at)
		}
	case reflect.Array:
		for i := range v.Len() {
			visit(v.Index(i), at+"[]", each)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[netip.Addr]() {
			return // never changes
		}
		for i := range v.NumField() {
			// Addresses in keys and times are shared, and never change.
			visit(v.Field(i), at+"."+v.Type().Field(i).Name, each)
		}
	}
}

// TestNews: what was said is said again when twice as many connections show it.
func TestNews(t *testing.T) {
	var n News
	said := func(all ...Finding) int { return len(n.Of(all)) }
	f := func(kind FindingKind, host string, connections int) Finding {
		return Finding{Kind: kind, Host: host, Connections: connections}
	}
	for i, tt := range []struct{ got, want int }{
		{said(f(FindAborts, "a", 5), f(FindRefused, "a", 1)), 2},
		{said(f(FindAborts, "a", 9), f(FindRefused, "a", 1)), 0},
		{said(f(FindAborts, "a", 10), f(FindAborts, "b", 1)), 2},
		{said(f(FindAborts, "a", 19)), 0},
		{said(f(FindAborts, "a", 20)), 1},
		{said(), 0},
	} {
		if tt.got != tt.want {
			t.Errorf("%d: %d findings are news, want %d", i, tt.got, tt.want)
		}
	}
	for i := range maxNews + 10 {
		n.Of([]Finding{f(FindAborts, string(rune(1000+i)), 1)})
	}
	if len(n.said) != maxNews || said(f(FindIdle, "late", 1)) != 0 || said(f(FindAborts, "a", 40)) != 1 {
		t.Errorf("%d findings are remembered, want %d", len(n.said), maxNews)
	}
}

// BenchmarkFindings is a look at the findings while as many connections are open and
// remembered as may be.
func BenchmarkFindings(b *testing.B) {
	a := New(Options{})
	r := record{}
	for i := range maxOpen + remember {
		r.Time = time.Unix(1_700_000_000, int64(i)*1000)
		r.Seg = segment.Segment{
			Tuple: segment.Tuple{
				Src: segment.EndpointFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 40000)),
				Dst: segment.EndpointFrom(netip.MustParseAddrPort("10.0.0.1:80")),
			},
			Flags: segment.SYN,
		}
		a.add(&r)
		if i >= maxOpen {
			r.Seg.Tuple, r.Seg.Flags, r.Seg.Ack = r.Seg.Reverse(), segment.RST|segment.ACK, 1
			a.add(&r)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		a.Findings()
	}
}
