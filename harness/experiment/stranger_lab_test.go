package experiment_test

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"lastack/harness/app"
	"lastack/harness/experiment"
	"lastack/harness/lab/labtest"
	"lastack/stack"
	"lastack/stack/impair"
	"lastack/stack/link"
	"lastack/stack/tunable"
	"lastack/tun"
)

// TestBeStranger is no test, but the program that the tests below examine: this binary,
// started with "stranger KIND TUN ADDRESS APP" behind the flags.
func TestBeStranger(t *testing.T) {
	if flag.Arg(0) != "stranger" {
		t.Skip("a program for the tests of strangers")
	}
	if err := beStranger(flag.Arg(1), flag.Arg(2), flag.Arg(3), flag.Arg(4)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// beStranger serves an app on a host of lastack's, which is sound or broken as the kind
// says.
func beStranger(kind, name, addr, text string) error {
	spec, err := app.ParseSpec(text)
	if err != nil {
		return err
	}
	dev, err := openLent(name)
	if err != nil {
		return err
	}
	set := tunable.NewSet()
	cfg := stack.Config{Device: dev, Addrs: []netip.Addr{netip.MustParseAddr(addr)}, Tunables: set}
	switch kind {
	case "no-time-wait":
		err = set.Set("net.ipv4.tcp_max_tw_buckets", "0")
	case "deaf":
		cfg.Impairments, err = rules("drop ACKs of a FIN from host")
	case "mute":
		cfg.Impairments, err = rules("drop the 2nd ACK of a FIN from host", "drop the 3rd ACK of a FIN from host", "drop the 4th ACK of a FIN from host")
	}
	if err != nil {
		return err
	}
	h, err := stack.New(cfg)
	if err != nil {
		return err
	}
	l, err := h.Listen("tcp", netip.AddrPortFrom(cfg.Addrs[0], spec.Port).String())
	if err != nil {
		return err
	}
	if kind == "crash" {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		_, _ = c.Read(make([]byte, 100))
		fmt.Println("out of luck \x1b[2J")
		os.Exit(7)
	}
	a, err := app.New(spec, app.Config{})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return a.Serve(ctx, l)
}

func rules(lines ...string) (all []impair.Rule, err error) {
	for _, line := range lines {
		r, err := impair.Parse(line)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// openLent opens the interface by its name, or by the number of an inherited descriptor.
func openLent(name string) (link.Device, error) {
	if fd, err := strconv.Atoi(name); err == nil {
		return lent{os.NewFile(uintptr(fd), name)}, nil
	}
	return tun.Open(tun.Config{Name: name})
}

// lent is an inherited descriptor as a device.
type lent struct{ *os.File }

func (lent) MTU() int { return tun.DefaultMTU }

// stranger is a subject of this binary's.
func stranger(t *testing.T, kind string) *experiment.Stranger {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return parseStranger(t, fmt.Sprintf(`name: %s
command: [%q, "-test.run=^TestBeStranger$", stranger, %s, "{TUN}", "{HOST}", "{APP}"]
serves: [echo, discard, server-closes, slow-closer, half-closer, leaker, aborter, unread, http]
lacks: [fast-open]
`, kind, self, kind))
}

func parseStranger(t *testing.T, text string) *experiment.Stranger {
	t.Helper()
	s, err := experiment.ParseStranger("stranger.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// examine runs experiments on strangers alone.
func examine(t *testing.T, names []string, strangers ...*experiment.Stranger) ([]experiment.Result, error) {
	t.Helper()
	all, err := experiment.Select(names)
	if err != nil {
		t.Fatal(err)
	}
	return experiment.Run(t.Context(), all, experiment.Config{
		Subjects: []string{}, Strangers: strangers, Attempts: 1,
		Done: (&experiment.Text{W: t.Output(), Ladders: true}).Done,
	})
}

// unmeasured reports whether the machine was too busy to say anything about an experiment.
func unmeasured(t *testing.T, r *experiment.Result) bool {
	t.Helper()
	if r.Verdict != experiment.Skipped || !strings.HasPrefix(r.Why, "not measured: ") {
		return false
	}
	t.Logf("%s on %s: %s", r.Experiment, r.Subject, r.Why)
	return true
}

// TestStrangers: a sound stack passes, on a plain wire and on a bad one, with sockets and
// with crafted segments; each broken one fails where it is broken, and there only.
func TestStrangers(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	for _, tt := range []struct {
		kind   string
		passes []string
		fails  map[string]string
	}{
		{kind: "sound", passes: []string{
			"three-way", "server-first", "close-wait-leak", "unread-data", "last-ack-lost", "time-wait-syn-isn", "time-wait-rst-elsewhere",
		}},
		{
			kind: "no-time-wait", passes: []string{"three-way"},
			fails: map[string]string{
				"server-first":          "the server's socket is CLOSED, expected TIME_WAIT; a FIN that was sent again got RST",
				"http-connection-close": "a FIN that was sent again got RST",
				"time-wait-old-data":    "RST",
			},
		},
		{
			kind: "deaf", passes: []string{"unread-data"},
			fails: map[string]string{"three-way": "the close is unanswered, expected three-way"},
		},
		{
			kind:  "mute",
			fails: map[string]string{"server-first": "the server's socket is silent, expected TIME_WAIT; a FIN that was sent again got no answer"},
		},
		{kind: "crash", fails: map[string]string{"three-way": `crash died: exit status 7; it printed last: "out of luck \x1b[2J"`}},
	} {
		names := append([]string(nil), tt.passes...)
		for name := range tt.fails {
			names = append(names, name)
		}
		results, err := examine(t, names, stranger(t, tt.kind))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if unmeasured(t, &r) {
				continue
			}
			why, fails := tt.fails[r.Experiment]
			want := map[bool]string{true: experiment.Fail, false: experiment.Pass}[fails]
			if r.Verdict != want || !strings.Contains(r.Why, why) {
				t.Errorf("%s on %s: %s: %s, want %s: %s", r.Experiment, r.Subject, r.Verdict, r.Why, want, why)
			}
			if died := tt.kind == "crash"; died != (r.Died != "") || died && r.Attempts != 1 {
				t.Errorf("%s on %s: %d attempts, died: %q", r.Experiment, r.Subject, r.Attempts, r.Died)
			}
		}
	}
}

// TestUnfitStrangers: what is no subject ends the run with one line that says why.
func TestUnfitStrangers(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	for _, tt := range []struct{ command, ready, want string }{
		{`./none, "{TUN}"`, "", "could not be started by ./none"},
		{`no-such-program-at-all, "{TUN}"`, "", "could not be started by no-such-program-at-all"},
		{`sh, -c, "echo no luck; exit 3", "{TUN}"`, "", "ended before it was ready: exit status 3; it printed last: no luck"},
		{`sh, -c, "sleep 60", "{TUN}"`, "within: 300ms", "sent nothing at all within 300ms; does it serve on {TUN}? it printed nothing"},
		{`sh, -c, "echo here; sleep 60", "{TUN}"`, "within: 300ms, line: there", `did not print "there" within 300ms; it printed last: here`},
		{`sh, -c, "exit 0", "{TUN}"`, "line: there", "ended before it was ready: exit status 0"},
	} {
		s := parseStranger(t, "name: unfit\ncommand: ["+tt.command+"]\nserves: [7=echo]\nready: {"+tt.ready+"}\n")
		results, err := examine(t, []string{"three-way"}, s)
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(results) > 0 {
			t.Errorf("%s: %v, %v, want %s", tt.command, results, err, tt.want)
		}
	}
}

// TestStrangerListensElsewhere: the port of the experiment refuses, another one is served.
func TestStrangerListensElsewhere(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := stranger(t, "sound")
	s.Command[len(s.Command)-1] = "9000=echo"
	s.Ready.Within /= 20
	if _, err := examine(t, []string{"three-way"}, s); err == nil || !strings.Contains(err.Error(), "does not listen at 10.77.0.2:8000: a SYN got RST+ACK for 500ms") {
		t.Errorf("%v", err)
	}
	s.Ready.Port = 9000
	results, err := examine(t, []string{"three-way"}, s)
	if err != nil || results[0].Verdict != experiment.Fail {
		t.Errorf("%+v, %v", results, err)
	}
}

// TestStrangerInherits: a program may have a descriptor in place of a name.
func TestStrangerInherits(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	s := stranger(t, "heir")
	s.Command[slices.Index(s.Command, "{TUN}")] = "{FD}"
	results, err := examine(t, []string{"three-way"}, s)
	if err != nil || results[0].Verdict != experiment.Pass {
		t.Errorf("%+v, %v", results, err)
	}
}
