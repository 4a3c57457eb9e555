package proxy_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/check"
	"lastack/harness/check/proxy"
	"lastack/harness/lab/labtest"
)

// config is that of a run with the test binary as the proxy.
func config(t *testing.T, m mode) proxy.Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return proxy.Config{Command: []string{self, "middle", string(m)}, Patience: time.Second}
}

// examine runs all checks and demands that these differ and no others. A machine that is
// too busy makes proxies slow: one more run then decides.
func examine(t *testing.T, c proxy.Config, want ...string) []check.Check {
	t.Helper()
	for attempt := 1; ; attempt++ {
		r, err := proxy.Run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range r.Checks {
			if r.Checks[i].Verdict == check.Differs {
				got = append(got, r.Checks[i].Name)
			}
		}
		if slices.Equal(got, want) || attempt == 2 {
			for i := range r.Checks {
				check.Text{W: t.Output()}.Write(&r.Checks[i])
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v differ, want %v", got, want)
			}
			return r.Checks
		}
	}
}

// named is the check of that name.
func named(t *testing.T, all []check.Check, name string) check.Check {
	t.Helper()
	i := slices.IndexFunc(all, func(c check.Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("there is no check %s", name)
	}
	return all[i]
}

func TestCorrectProxy(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	all := examine(t, config(t, correct))
	for _, c := range all {
		if c.Verdict != check.Pass || c.How == "" || c.Breaks != "" {
			t.Errorf("%+v", c)
		}
		if len(c.Legs) != 2 && c.Name != "leak" && c.Name != "refused" && c.Name != "unreachable" {
			t.Errorf("%s has %d legs to show", c.Name, len(c.Legs))
		}
	}
}

func TestHalfCloseBecomesClose(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	all := examine(t, config(t, closesBoth), "half-close-client", "half-close-server", "data-after-half-close", "half-close-tolerance")
	if c := named(t, all, "half-close-client"); !strings.Contains(c.How, "becomes a close") || c.Breaks == "" {
		t.Errorf("%+v", c)
	}
}

func TestRSTBecomesFIN(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	all := examine(t, config(t, finForRST), "reset-from-client", "reset-from-server")
	if c := named(t, all, "reset-from-server"); !strings.Contains(c.How, "arrives as a FIN") {
		t.Errorf("%+v", c)
	}
}

func TestLeak(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	all := examine(t, config(t, leaks), "leak")
	if c := named(t, all, "leak"); !strings.Contains(c.How, "in ESTABLISHED on the server leg") && !strings.Contains(c.How, "in CLOSE_WAIT on the server leg") {
		t.Errorf("%+v", c)
	}
}

func TestUnboundedBuffer(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	examine(t, config(t, hoards), "backpressure")
}

func TestIdleIsCut(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	all := examine(t, config(t, impatient), "idle")
	if c := named(t, all, "idle"); !strings.Contains(c.How, "cut after 7") || !strings.Contains(c.How, "RST") {
		t.Errorf("%+v", c)
	}
}
