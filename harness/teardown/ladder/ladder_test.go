package ladder

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
	"lastack/harness/term/golden"
)

// report reads one of teardown's scripts.
func report(t testing.TB, name string, keep int) teardown.Report {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", name+".script"))
	if err != nil {
		t.Fatal(err)
	}
	recs, err := teardowntest.Parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	c := teardown.Conn{Keep: keep}
	for _, r := range recs {
		c.Add(r)
	}
	return c.Report()
}

func scripts(t testing.TB) (names []string) {
	t.Helper()
	paths, err := filepath.Glob("../testdata/*.script")
	if err != nil || len(paths) < 40 {
		t.Fatalf("%d scripts in teardown's testdata: %v", len(paths), err)
	}
	for _, p := range paths {
		names = append(names, strings.TrimSuffix(filepath.Base(p), ".script"))
	}
	return names
}

// TestGolden draws every script of teardown.
func TestGolden(t *testing.T) {
	cfg := Config{Client: "curl (kernel)", Server: "lastack (userspace)"}
	for _, name := range scripts(t) {
		t.Run(name, func(t *testing.T) {
			r := report(t, name, 0)
			matches(t, name+".txt", Render(&r, cfg))
		})
	}
	r := report(t, "four-way-half-close-later", -1)
	cfg.Full = true
	matches(t, "full.txt", Render(&r, cfg))
	cfg = Config{Color: true}
	matches(t, "color.txt", Render(&r, cfg))
	matches(t, "wide.txt", Render(&r, Config{Width: 110}))
}

func matches(t *testing.T, name, got string) {
	t.Helper()
	golden.Match(t, filepath.Join("testdata", name), []byte(got))
}

// TestShape holds what every drawing promises: width, ASCII, straight bars.
func TestShape(t *testing.T) {
	bar := regexp.MustCompile(`^.{23}\|.*\|( [A-Z_0-9]+)?$`)
	for _, name := range scripts(t) {
		for _, cfg := range []Config{{}, {Full: true}, {Width: 72}, {Width: 1}, {Width: 100},
			{Client: strings.Repeat("a very long label ", 9), Server: "caf\u00e9\n\x1b[2J"}} {
			r := report(t, name, 0)
			out := Render(&r, cfg)
			want := max(72, cfg.Width)
			if cfg.Width == 0 {
				want = 80
			}
			for n, l := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
				if len(l) > want || l != strings.TrimRight(l, " ") {
					t.Errorf("%s %+v: line %d has %d columns: %q", name, cfg, n+1, len(l), l)
				}
				if l != ascii(l) {
					t.Errorf("%s %+v: line %d is not ASCII: %q", name, cfg, n+1, l)
				}
				if n >= 4 && strings.Contains(l, "|") && (!bar.MatchString(l) || strings.LastIndexByte(l, '|') != want-14) {
					t.Errorf("%s %+v: line %d has its bars elsewhere: %q", name, cfg, n+1, l)
				}
			}
		}
	}
}

// TestColor: without its colours a coloured drawing is the plain one.
func TestColor(t *testing.T) {
	sgr := regexp.MustCompile("\x1b\\[[0-9]+m")
	for _, name := range scripts(t) {
		r := report(t, name, 0)
		painted := Render(&r, Config{Color: true})
		if !sgr.MatchString(painted) {
			t.Errorf("%s: no colour", name)
		}
		if got, want := sgr.ReplaceAllString(painted, ""), Render(&r, Config{}); got != want {
			t.Errorf("%s: %s", name, cmp.Diff(want, got))
		}
	}
}

func TestArrow(t *testing.T) {
	line := func(from teardown.Who, flags string, seq, ack uint32, n int) *teardown.Line {
		return &teardown.Line{From: from, Flags: flags, Seq: seq, Ack: ack, Len: n}
	}
	for _, tt := range []struct {
		l           *teardown.Line
		want, below string
	}{
		{line(teardown.Client, "FIN+ACK", 79, 1, 0), "------ FIN+ACK seq=79 ack=1 len=0 ------>", ""},
		{line(teardown.Server, "RST", 79, 0, 0), "<----------- RST seq=79 len=0 -----------", ""},
		{line(teardown.Server, "FIN+PSH+ACK", 100000, 100000, 100), "<- FIN+ACK seq=100000 ack=100000 len=100 -", ""},
		{line(teardown.Client, "FIN+PSH+ACK", 4294967295, 4294967295, 1448), "------------- FIN+PSH+ACK -------------->", "seq=4294967295 ack=4294967295 len=1448"},
	} {
		width := len(tt.want)
		got, below := arrow(tt.l, width)
		if got != tt.want || below != tt.below {
			t.Errorf("arrow(%v, %d):\n%q %q, want\n%q %q", *tt.l, width, got, below, tt.want, tt.below)
		}
	}
}

func TestMillis(t *testing.T) {
	for us, want := range map[int64]string{
		0: "0.000", 60: "0.060", -1043200: "-1043.200", 99999999: "99999.999",
		116000000: "116000.00", -36000000000: "-36000000", 3600000000000: "3600000s",
	} {
		if got := millis(us); got != want {
			t.Errorf("millis(%d) = %q, want %q", us, got, want)
		}
	}
}

func TestSum(t *testing.T) {
	for _, tt := range []struct {
		e    teardown.Elided
		want string
	}{
		{teardown.Elided{ClientSegments: 1}, "1 segment, no data"},
		{teardown.Elided{ClientSegments: 2, ServerSegments: 1, ServerBytes: 1}, "3 segments, <- 1 byte"},
		{teardown.Elided{ClientSegments: 1, ServerSegments: 3, ClientBytes: 79, ServerBytes: 4096}, "4 segments: 79 bytes ->, <- 4,096 bytes"},
		{teardown.Elided{ClientSegments: 123, ClientBytes: 79123, ServerBytes: 4096000}, "123 segments: 79,123 B ->, <- 4,096,000 B"},
		{teardown.Elided{ClientSegments: 1 << 30, ClientBytes: 1 << 40, ServerBytes: 1 << 33}, "1,099,511,627,776 B ->, <- 8,589,934,592 B"},
	} {
		if got := sumText(&tt.e).fit(41); got != tt.want {
			t.Errorf("sum of %+v: %q, want %q", tt.e, got, tt.want)
		}
	}
}
