package proxy

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lastack/harness/check"
)

// TestBelieve: a difference counts once the machine is not busy, or the difference sure; a busy
// machine's is doubted, and one that stays busy measures nothing.
func TestBelieve(t *testing.T) {
	const little, much, ms = tooLate - 1, hopeless, time.Millisecond
	differs := func(how string, late time.Duration) tried {
		return tried{check: check.Check{Name: "x", Verdict: check.Differs, How: how, Breaks: "all"}, late: late}
	}
	pass := func(late time.Duration) tried {
		return tried{check: check.Check{Name: "x", Verdict: check.Pass}, late: late}
	}
	sure := differs("it died", much)
	sure.sure = true
	for name, tt := range map[string]struct {
		scale   float64
		tries   []tried
		verdict check.Verdict
		how     string
		made    int
	}{
		"on time":              {1, []tried{differs("a RST", little)}, check.Differs, "a RST", 1},
		"a pass is one":        {1, []tried{pass(much)}, check.Pass, "", 1},
		"a pass after all":     {1, []tried{differs("a RST", much), pass(much)}, check.Pass, "", 2},
		"on time after all":    {1, []tried{differs("a RST", much), differs("a FIN", little)}, check.Differs, "a FIN", 2},
		"a little late":        {1, []tried{differs("1", much), differs("2", 60*ms), differs("3", 70*ms)}, check.Differs, "2", 3},
		"hopeless":             {1, []tried{differs("1", 2*much), differs("2", much), differs("3", 3*much)}, check.Skip, "not measured: the machine kept this process from running for 250.0 ms", 3},
		"hopeless, least late": {1, []tried{differs("1", 2*much), differs("2", much), differs("3", 3*much)}, check.Skip, "It seemed that 2", 3},
		"a long wait":          {10, []tried{differs("cut", 9*tooLate)}, check.Differs, "cut", 1},
		"sure":                 {1, []tried{sure}, check.Differs, "it died", 1},
	} {
		made := 0
		got, err := believe(tt.scale, func() (tried, error) {
			made++
			return tt.tries[made-1], nil
		})
		if err != nil || got.Verdict != tt.verdict || !strings.Contains(got.How, tt.how) || got.Name != "x" || made != tt.made {
			t.Errorf("%s: %s, %q after %d attempts, %v; want %s, %q after %d", name, got.Verdict, got.How, made, err, tt.verdict, tt.how, tt.made)
		}
		if got.Verdict == check.Skip && got.Breaks != "" {
			t.Errorf("%s: it breaks %q", name, got.Breaks)
		}
	}
	gone := errors.New("gone")
	if _, err := believe(1, func() (tried, error) { return tried{}, gone }); !errors.Is(err, gone) {
		t.Errorf("an error: %v", err)
	}
}
