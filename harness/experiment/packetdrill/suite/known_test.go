package suite

import (
	"strings"
	"testing"
)

// TestKnownNames: two scripts of one name are told apart by their folders.
func TestKnownNames(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       bool
	}{
		{"data-inside", "suite/time-wait/data-inside.pkt", true},
		{"data-*", "data-inside.pkt", true},
		{"time-wait/data-inside", "suite/time-wait/data-inside.pkt", true},
		{"time-wait/data-inside", "suite/closing/data-inside.pkt", false},
		{"*/data-inside", "suite/closing/data-inside.pkt", true},
		{"suite/*/data-*", "suite/closing/data-inside.pkt", true},
		{"time-wait/data-inside", "data-inside.pkt", false},
		{"inside", "suite/closing/data-inside.pkt", false},
	} {
		if got := (&Difference{Name: c.name}).names(c.file); got != c.want {
			t.Errorf("%s is %s: %v", c.file, c.name, got)
		}
	}
}

// TestKnownExplained: on a terminal why a script is known to fail is broken at its width, and
// elsewhere it stays on a line.
func TestKnownExplained(t *testing.T) {
	r := &Result{File: "a.pkt", Verdict: Fail, Line: 9, Why: "flags", Known: &Difference{Name: "a", Why: strings.Repeat("because ", 12)}}
	for width, lines := range map[int]int{0: 2, 40: 4} {
		var b strings.Builder
		if err := (&Text{Width: width}).Write(&b, r); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), "\n"); got != lines {
			t.Errorf("at %d columns %d lines, want %d:\n%s", width, got, lines, b.String())
		}
		for line := range strings.Lines(b.String()) {
			if width > 0 && len(line) > width+1 {
				t.Errorf("longer than %d columns: %s", width, line)
			}
		}
	}
}
