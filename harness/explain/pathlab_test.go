package explain_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/explain"
	"lastack/harness/lab/labtest"
)

// rules are those of the router. Port 82 gets no FIN: the router answers it in the
// server's name. Port 83 is closed in the same way to SYNs.
const rules = `
table ip path {
	counter lost_to_server { }
	counter lost_to_client { }
	counter cut { }
	counter refused { }
	chain forward {
		type filter hook forward priority 0;
		tcp dport 83 counter name refused reject with tcp reset
		tcp dport 82 tcp flags & fin == fin counter name cut reject with tcp reset
		iifname "to-client" numgen random mod 1000 < 30 counter name lost_to_server drop
		iifname "to-server" numgen random mod 1000 < 30 counter name lost_to_client drop
		iifname "to-client" tcp flags syn tcp option maxseg size set 1200
	}
	chain post {
		type nat hook postrouting priority 100;
		oifname "to-server" masquerade
	}
}`

// masquerade translates, and does nothing else.
const masquerade = `
table ip path {
	chain post {
		type nat hook postrouting priority 100;
		oifname "to-server" masquerade
	}
}`

// TestPathLab holds the difference of two captures of a path against the counters of
// the router on it, which loses segments, translates addresses, lowers the MSS and
// sends RSTs in the server's name:
//
//	client ---- to-client [this namespace, nftables] to-server ---- server
//	tcpdump                                                      tcpdump
func TestPathLab(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	l := newPathLab(t, ctx, false)
	l.serve(80, 82, 90)
	l.load(ctx, masquerade)
	l.talk(90, 1) // before the rules, so that the captures begin with it
	l.load(ctx, rules)
	const many, cut, refused = 120, 12, 7
	l.talk(80, many)
	l.talk(82, cut)
	for range refused {
		l.refused(83)
	}
	counters := l.counters(ctx)
	l.load(ctx, "flush ruleset")
	l.refused(9)
	files := l.stop()

	d := comparePath(t, files[0], files[1])
	var text strings.Builder
	if err := explain.WritePathDiff(&text, d, explain.Look{}); err != nil {
		t.Fatal(err)
	}
	t.Logf("counters %v\n%s", counters, &text)
	if got, want := d.Ways[0].Lost.Segments, counters["lost_to_server"]+counters["cut"]; got != want {
		t.Errorf("%d segments lost to the server, the router dropped %d", got, want)
	}
	if got, want := d.Ways[1].Lost.Segments, counters["lost_to_client"]; got != want {
		t.Errorf("%d segments lost to the client, the router dropped %d", got, want)
	}
	if got, want := d.Ways[1].Added.RST, counters["cut"]; got != want || d.Ways[1].Added.Segments != want || d.Ways[0].Added.Segments != 0 {
		t.Errorf("%d RSTs injected (%+v, %+v), the router sent %d", got, d.Ways[1].Added, d.Ways[0].Added, want)
	}
	if d.Matched != 1+many+cut+1 || d.MatchedBy[explain.MatchISNs] < many+cut {
		t.Errorf("%d matched: %v", d.Matched, d.MatchedBy)
	}
	if len(d.Alone) != 1 || d.Alone[0].Connections != refused || d.Alone[0].Injected != refused || d.Alone[0].At != "A" || counters["refused"] != refused {
		t.Errorf("alone: %+v", d.Alone)
	}
	if c := d.Clock; !c.Known || c.UncertaintyUS == nil || *c.UncertaintyUS > 1000 || c.OffsetUS > *c.UncertaintyUS || -c.OffsetUS > *c.UncertaintyUS {
		t.Errorf("one clock: %+v", c)
	}
	for _, want := range []string{
		"client's address 10.77.1.2 10.77.2.1", "MSS 1460 1200", "TTL 64 63",
	} {
		if !hasChange(d, want) {
			t.Errorf("no change %q in %+v", want, d.Changes)
		}
	}
}

// TestPathLabOffload: the client's end shows what its kernel hands to the interface to
// cut, the server's what is on the wire.
func TestPathLabOffload(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	l := newPathLab(t, ctx, true)
	l.load(ctx, masquerade)
	l.serve(80)
	l.talk(80, 30)
	l.refused(9)
	files := l.stop()
	if a, b := longest(t, files[0]), longest(t, files[1]); a <= 1460 || b > 1460 {
		t.Skipf("nothing was cut on the way: up to %d bytes in a segment at the client, %d at the server", a, b)
	}
	d := comparePath(t, files[0], files[1])
	if !d.Same || !d.LossFree || !d.Unchanged || d.Matched != 31 {
		t.Errorf("%d matched, same %v, loss-free %v, unchanged %v; %+v %+v", d.Matched, d.Same, d.LossFree, d.Unchanged, d.Ways, d.Changes)
	}
}

// longest is the most data in a segment.
func longest(t *testing.T, path string) (most int) {
	f, err := capture.Open(path, capture.OpenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	segments := capture.NewSegments(f, capture.SegmentsConfig{})
	for {
		_, s, err := segments.Next()
		if err != nil {
			return most
		}
		most = max(most, s.PayloadLen)
	}
}

func hasChange(d *explain.PathDiff, want string) bool {
	for _, c := range d.Changes {
		if fmt.Sprintf("%s %s %s", c.What, c.From, c.To) == want && c.Connections > 100 {
			return true
		}
	}
	return false
}

// comparePath compares two files.
func comparePath(t *testing.T, a, b string) *explain.PathDiff {
	t.Helper()
	var s [2]*explain.Survey
	open := func(path string) explain.Opener {
		return func() (explain.PathSource, error) { return capture.Open(path, capture.OpenConfig{}) }
	}
	for i, path := range []string{a, b} {
		f, err := open(path)()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if s[i], err = explain.NewSurvey(f, filepath.Base(path)); err != nil {
			t.Fatal(err)
		}
	}
	d, err := explain.ComparePath(s[0], s[1], open(a), open(b))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
