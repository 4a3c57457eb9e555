package explain

import (
	"testing"
	"time"
)

// TestLifetimes: a client that resets all connections as old as each other, while it is its
// own turn, shows no limit on silence.
func TestLifetimes(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		want         bool
	}{
		{"the client's turn, all of their life", far + "1341 c RST+ACK\n", false},
		{"the other side's turn", far + "1341 s RST+ACK\n", true},
		{"the client's turn, after some life", far + "5000 c PSH+ACK len=9\n5020 s PSH+ACK len=9\n5020.1 c ACK\n6320 c RST+ACK\n", true},
	} {
		if got := finds(t, FindIdle, 20, 300*time.Millisecond, tt.script, 0); got != tt.want {
			t.Errorf("%s: a limit on silence: %v", tt.name, got)
		}
	}
}

// TestLifetimesMixed: more than one in ten that were older show that the silence counts.
func TestLifetimesMixed(t *testing.T) {
	older := far + "5000 c PSH+ACK len=9\n5020 s PSH+ACK len=9\n5020.1 c ACK\n6320 c RST+ACK\n"
	for n, want := range map[int]bool{1: false, 3: true} {
		a := New(Options{})
		feedMany(t, a, 20, 0, 300*time.Millisecond, far+"1341 c RST+ACK\n")
		feedMany(t, a, n, 20, 300*time.Millisecond, older)
		sum, err := a.Summary()
		if err != nil {
			t.Fatal(err)
		}
		got := false
		for _, f := range sum.Findings {
			got = got || f.Kind == FindIdle
		}
		if got != want {
			t.Errorf("%d older among 20: a limit on silence: %v", n, got)
		}
	}
}
