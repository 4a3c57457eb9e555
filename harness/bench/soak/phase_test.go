package soak

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"lastack/stack/impair"
)

// TestLightness: the flag stands alone, as SOAK_LIGHT=1 has it, or names a way.
func TestLightness(t *testing.T) {
	for text, want := range map[string]Lightness{"": Never, "-light": Always, "-light=1": Always, "-light=half": Half, "-light=never": Never} {
		var l Lightness
		f := flag.NewFlagSet("", flag.ContinueOnError)
		f.SetOutput(io.Discard)
		f.Var(&l, "light", "")
		if err := f.Parse(strings.Fields(text)); err != nil || l != want {
			t.Errorf("%s: %q, %v", text, l, err)
		}
		if err := f.Parse([]string{"-light=soon"}); err == nil || l != want {
			t.Errorf("%q, %v", l, err)
		}
	}
}

func TestPhases(t *testing.T) {
	for _, p := range phases {
		for _, line := range p.rules {
			if _, err := impair.Parse(line); err != nil {
				t.Errorf("%s: %v", p.name, err)
			}
		}
	}
	for _, total := range []time.Duration{time.Second, time.Minute, 8 * time.Minute, 9 * time.Minute, time.Hour} {
		length := phaseLength(total)
		if length > longest || length*time.Duration(len(phases)) > total {
			t.Errorf("%v has phases of %v, so that not all come", total, length)
		}
	}
}
