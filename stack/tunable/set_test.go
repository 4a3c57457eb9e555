package tunable

import (
	"errors"
	"slices"
	"sync"
	"testing"
)

func TestSetAllIsAllOrNothing(t *testing.T) {
	good := Setting{"lastack.msl_ms", "5"}
	for name, bad := range map[string]Setting{
		"unknown":      {"lastack.nagle", "1"},
		"out of range": {"net.ipv4.tcp_tw_reuse", "3"},
		"no number":    {"net.ipv4.tcp_tw_reuse", "on"},
		"ports":        {"net.ipv4.ip_local_port_range", "9000 8000"},
	} {
		s := NewSet()
		for _, d := range All() {
			s.OnChange(d.ID, func(v int64) { t.Errorf("%s: told of %s = %d", name, d.Name, v) })
		}
		for _, list := range [][]Setting{{good, bad}, {bad, good}} {
			var refused *Error
			if err := s.SetAll(list); !errors.As(err, &refused) || refused.Name != bad.Name {
				t.Errorf("%s: %v, want an *Error about %s", name, err, bad.Name)
			}
			if s.Int(MSLms) != 30_000 {
				t.Errorf("%s: half of it was stored", name)
			}
		}
	}
}

// TestSetAllTellsAfterwards: a watcher finds the other values in place, is told
// once of the last value, and not at all when the value is what it was.
func TestSetAllTellsAfterwards(t *testing.T) {
	s := NewSet()
	var told []string
	for _, id := range []ID{MSLms, TWReuse, RFC1337} {
		s.OnChange(id, func(int64) { told = append(told, defs[id].Name+" "+s.Text(MSLms)+" "+s.Text(TWReuse)) })
	}
	err := s.SetAll([]Setting{
		{"net.ipv4.tcp_tw_reuse", "0"}, {"lastack.msl_ms", "5"}, {"net.ipv4.tcp_tw_reuse", "1"},
		{"net.ipv4.tcp_rfc1337", "1"}, {"net.ipv4.tcp_rfc1337", "0"},
	})
	want := []string{"lastack.msl_ms 5 1", "net.ipv4.tcp_tw_reuse 5 1"}
	if err != nil || !slices.Equal(told, want) {
		t.Errorf("%v; told of %q, want %q", err, told, want)
	}
}

// TestSetAllFromMany: writers of the same two tunables leave a pair that one of
// them wrote.
func TestSetAllFromMany(t *testing.T) {
	s := NewSet()
	s.OnChange(MSLms, func(v int64) {
		if other := s.Int(TWReuseDelay); other != v {
			t.Errorf("msl_ms became %d while tcp_tw_reuse_delay is %d", v, other)
		}
	})
	var wg sync.WaitGroup
	for _, v := range []string{"11", "22", "33", "44"} {
		wg.Go(func() {
			for range 200 {
				if err := s.SetAll([]Setting{{"lastack.msl_ms", v}, {"net.ipv4.tcp_tw_reuse_delay", v}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if a, b := s.Text(MSLms), s.Text(TWReuseDelay); a != b {
		t.Errorf("lastack.msl_ms is %s and tcp_tw_reuse_delay %s: of two writers", a, b)
	}
}
