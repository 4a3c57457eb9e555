package ladder

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// drawn are the scripts whose pictures and diagrams are golden files. Of the
// others it is tested that they are what they should be.
var drawn = []string{"three-way", "four-way-data-carries", "simultaneous-ack-lost", "reset-linger", "refused", "mid-one-way",
	"three-way-fin-missed"}

func TestSVGGolden(t *testing.T) {
	for _, name := range drawn {
		r := report(t, name, 0)
		matches(t, name+".svg", SVG(&r, Config{Client: "the kernel", Server: "lastack"}, name))
	}
	r := impaired(t)
	matches(t, "impaired.svg", SVG(&r, Config{}, "impaired"))
}

// TestSVGWellFormed reads every picture as XML, and looks for what a screen
// reader goes by. No label or id becomes markup.
func TestSVGWellFormed(t *testing.T) {
	for _, name := range scripts(t) {
		for _, cfg := range []Config{{}, {Full: true}, {Client: strings.Repeat("a very long label ", 9), Server: "caf\u00e9 <script>\"&'\x1b"}} {
			r := report(t, name, 0)
			r.Reason, r.Client = "<script>", "<script>"
			out := SVG(&r, cfg, `x"><script>`)
			if err := wellFormed(out); err != nil {
				t.Errorf("%s %+v: %v\n%s", name, cfg, err, out)
			}
			if strings.Contains(out, "<script") {
				t.Errorf("%s %+v: text became markup", name, cfg)
			}
			if !strings.Contains(out, `role="img"`) || !strings.Contains(out, "<title id=") || !strings.Contains(out, "<desc id=") {
				t.Errorf("%s %+v: no role, title or description", name, cfg)
			}
		}
	}
}

func wellFormed(s string) error {
	for d := xml.NewDecoder(strings.NewReader(s)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// TestSVGCross: what was lost has a cross and no point.
func TestSVGCross(t *testing.T) {
	r := impaired(t)
	out := SVG(&r, Config{Full: true}, "x")
	segments := len(r.Opening) + len(r.Segments)
	if points, crosses := strings.Count(out, `class="point`), strings.Count(out, `class="cross"`); points != segments-1 || crosses != 1 {
		t.Errorf("%d segments, one of them lost, have %d points and %d crosses", segments, points, crosses)
	}
}

// TestSVGFits: nothing is outside the picture, by how wide letters are.
func TestSVGFits(t *testing.T) {
	texts := regexp.MustCompile(`<text class="([a-z ]+)" x="(\d+)" y="(\d+)">([^<]*)</text>`)
	height := regexp.MustCompile(`viewBox="0 0 \d+ (\d+)"`)
	for _, name := range scripts(t) {
		r := report(t, name, 0)
		out := SVG(&r, Config{Full: true, Client: "lastack (userspace) and more"}, name)
		high := coordinate(t, height.FindStringSubmatch(out)[1])
		all := texts.FindAllStringSubmatch(out, -1)
		if len(all) < 8 {
			t.Errorf("%s: only %d texts", name, len(all))
		}
		for _, m := range all {
			wide := letter(m[1]) * float64(len([]rune(m[4])))
			left := coordinate(t, m[2])
			switch {
			case strings.Contains(m[1], "mid"):
				left -= wide / 2
			case strings.Contains(m[1], "end"):
				left -= wide
			}
			if y := coordinate(t, m[3]); left < 0 || left+wide > picWidth || y > high {
				t.Errorf("%s: %q goes from %.0f to %.0f at %.0f", name, m[4], left, left+wide, y)
			}
		}
	}
}

// letter is how wide one is: in type of one width exactly, else about.
func letter(class string) float64 {
	switch {
	case strings.HasPrefix(class, "label"):
		return 6.32
	case strings.HasPrefix(class, "mono"):
		return 6.02
	case strings.HasPrefix(class, "time"):
		return 5.42
	case strings.HasPrefix(class, "who"):
		return 6.2
	}
	return 5.2
}

func coordinate(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
