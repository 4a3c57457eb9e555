package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/check"
	"lastack/harness/check/proxy"
	"lastack/harness/lab"
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
			for i := range r.Checks {
				if c := &r.Checks[i]; strings.HasPrefix(c.How, "not measured") {
					t.Skipf("%s: %s", c.Name, c.How)
				}
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
	for _, name := range []string{"reset-from-client", "reset-from-server"} {
		if c := named(t, all, name); strings.Count(c.How, "RST passed on") != 3 || !strings.Contains(c.How, "killed process: RST passed on") {
			t.Errorf("%+v", c)
		}
	}
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

// TestReadyConnection: a connection to the server on which nothing comes, made before the
// client's, is not taken for it.
func TestReadyConnection(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	c := config(t, ready)
	c.Only = []string{"close", "server-gone", "leak"}
	for _, c := range examine(t, c) {
		if c.Verdict != check.Pass {
			t.Errorf("%+v", c)
		}
	}
}

// TestForgottenDescriptors: connections are over, but their descriptors are kept.
func TestForgottenDescriptors(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	c := config(t, forgets)
	c.Only = []string{"close", "half-close-client", "reset-from-server", "leak"}
	all := examine(t, c, "leak")
	if c := named(t, all, "leak"); !strings.Contains(c.How, "60 descriptors more") {
		t.Errorf("%+v", c)
	}
}

// TestDaemon: the command ends well, and a process in the background is the proxy.
func TestDaemon(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	c := config(t, daemon)
	c.Only = []string{"close", "leak", "restart"}
	all := examine(t, c)
	if c := named(t, all, "restart"); !strings.Contains(c.How, "SIGTERM ends it after") {
		t.Errorf("%+v", c)
	}
}

func TestUnboundedBuffer(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	c := config(t, hoards)
	// What other checks leave on the proxy's heap would be room for what this one sends, and
	// its memory need not grow.
	c.Only = []string{"backpressure"}
	all := examine(t, c, "backpressure")
	if c := named(t, all, "backpressure"); !regexp.MustCompile(`takes 32\.0 MB, which is as much as is tried, .* memory grew by \d\d`).MatchString(c.How) {
		t.Error(c.How)
	}
}

func TestIdleIsCut(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	all := examine(t, config(t, impatient), "idle")
	c := named(t, all, "idle")
	var after float64
	var unit string
	_, how, _ := strings.Cut(c.How, "cut after ")
	_, err := fmt.Sscan(how, &after, &unit)
	// A busy machine makes it late, and none early: but the proxy's deadline may begin a little
	// before the wait for it does.
	if err != nil || unit == "ms:" && after < 690 || !strings.Contains(how, "RST") {
		t.Errorf("%v: %+v", err, c)
	}
}

// TestNoProxy: what is no proxy is said in one line, with what it printed.
func TestNoProxy(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	for m, want := range map[mode][]string{
		dies:      {"ended before it listened at 10.78.1.2:7001: exit status 1", `bad \x1b[31mconfiguration`},
		elsewhere: {"not ready", "listens at 127.0.0.1:9999 instead", "a proxy that listens elsewhere"},
		silent:    {"not ready at 10.78.1.2:7001 within 500ms", "nothing listens there"},
		swallows:  {"listens at 10.78.1.2:7001, but no connection came about", "did not reach the server"},
		once:      {"ended after its first connection: exit status 0"},
	} {
		c := config(t, m)
		c.Ready = 500 * time.Millisecond
		_, err := proxy.Run(t.Context(), c)
		if err == nil {
			t.Errorf("%s: no error", m)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v; want %q in one line", m, err, part)
			}
		}
	}
	_, err := proxy.Run(t.Context(), proxy.Config{Command: []string{"there-is-no-such-proxy"}})
	var missing *lab.MissingError
	if !errors.As(err, &missing) {
		t.Errorf("a command that is not there: %v", err)
	}
}

// TestInterrupted: whoever waits for a connection to be cut need not wait for that, and no
// process is left.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := config(t, correct)
	c.Only, c.Patience = []string{"idle"}, time.Hour
	c.Begin = func(check.Progress) { time.AfterFunc(100*time.Millisecond, cancel) }
	if _, err := proxy.Run(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}

// TestProxyThatDies: the check during which the proxy ends says so, and the proxy is
// started again for the others.
func TestProxyThatDies(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	c := config(t, fragile)
	c.Only = []string{"close", "reset-from-client", "refused"}
	all := examine(t, c, "reset-from-client")
	if c := named(t, all, "reset-from-client"); !strings.Contains(c.How, "the proxy ended: exit status 1; its output: a proxy that is fragile") {
		t.Errorf("%+v", c)
	}
}

func TestNAT(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	r, err := proxy.Run(t.Context(), proxy.Config{NAT: true, Patience: time.Second})
	var missing *lab.MissingError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Checks {
		check.Text{W: t.Output()}.Write(&c)
		want := check.Pass
		switch c.Name {
		case "leak":
			want = check.Skip
		case "restart":
			want = check.Differs
		}
		if c.Verdict != want {
			t.Errorf("%s: %s, want %s", c.Name, c.Verdict, want)
		}
	}
	if c := named(t, r.Checks, "restart"); !strings.Contains(c.How, "the server sends first: it gets RST") {
		t.Errorf("%+v", c)
	}
}
