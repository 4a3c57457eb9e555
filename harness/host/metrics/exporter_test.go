package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lastack/harness/host/monitor"
	"lastack/harness/lab/sockstat"
	"lastack/harness/teardown"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// fake is a source that answers with what look returns.
type fake struct {
	look func(context.Context) (*monitor.Sample, error)
}

func (f *fake) Name() string { return "a fake" }

func (f *fake) Look(ctx context.Context) (*monitor.Sample, error) { return f.look(ctx) }

// full is a sample with something of everything.
func full() *monitor.Sample {
	orphans := 3
	return &monitor.Sample{
		States: map[string]int{"TIME_WAIT": 600, "ESTABLISHED": 2},
		Destinations: []sockstat.Destination{{
			Local: netip.MustParseAddr("10.0.0.1"), Remote: netip.MustParseAddrPort("10.0.0.2:80"),
			Ports: 28_232, TimeWait: 600, HoldMS: 60_000, Live: 2, Ages: [sockstat.Steps]int{0: 300, 1: 300},
		}},
		Rest: 7,
		CloseWait: []monitor.Held{
			{ID: "a", Owner: monitor.Owner{Name: "nginx", PID: 1}}, {ID: "b", Owner: monitor.Owner{Name: "nginx", PID: 2}},
		},
		Counters: map[string]uint64{"TcpExtTCPTimeWaitOverflow": 9, "TcpExtUnheard": 1}, Orphans: &orphans,
	}
}

// scrape is what /metrics answers, without comments.
func scrape(t *testing.T, list ...Collector) string {
	t.Helper()
	w := httptest.NewRecorder()
	Handler(Registry("v1", list...)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var b strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if !strings.HasPrefix(line, "#") && strings.HasPrefix(line, "lastack_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func exporter(t *testing.T, c Config, targets ...Target) *Exporter {
	t.Helper()
	if c.Targets == nil {
		c.Targets = func() ([]Target, int, error) { return targets, 0, nil }
	}
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func one(sample *monitor.Sample) Target {
	return Target{Source: &fake{func(context.Context) (*monitor.Sample, error) { return sample, nil }}}
}

func TestMetrics(t *testing.T) {
	e := exporter(t, Config{}, one(full()))
	e.round(t.Context())
	got := scrape(t, e)
	for _, want := range []string{
		`lastack_build_info{goversion="go`, `lastack_look_success{netns=""} 1`, `lastack_namespaces_left_out 0`,
		`lastack_sockets{netns="",state="TIME_WAIT"} 600`, `lastack_sockets{netns="",state="CLOSING"} 0`,
		`lastack_orphaned_sockets{netns=""} 3`,
		`lastack_ports_used{destination="10.0.0.2:80",netns="",source="10.0.0.1"} 602`,
		`lastack_ports_used{destination="other",netns="",source="other"} 7`,
		`lastack_ports_range{destination="10.0.0.2:80",netns="",source="10.0.0.1"} 28232`,
		`lastack_ports_taken_per_second{destination="10.0.0.2:80",netns="",source="10.0.0.1"} 40`,
		`lastack_ports_exhaustion_seconds{destination="10.0.0.2:80",netns="",source="10.0.0.1"} +Inf`,
		`lastack_close_wait{netns="",process="nginx"} 2`,
		`lastack_close_wait_age_seconds_bucket{netns="",process="nginx",le="60"} 2`,
		`lastack_tcp_events_total{event="TcpExtTCPTimeWaitOverflow",netns=""} 9`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(got, "TcpExtUnheard") || strings.Contains(got, "TcpExtPAWSEstab") || strings.Contains(got, "growth") {
		t.Error("a counter that was not asked for, or not read, or a growth since nothing")
	}
	if t.Failed() {
		t.Log(got)
	}
}

// TestLint: promtool's linter finds nothing, nor does promtool where it is installed.
func TestLint(t *testing.T) {
	closes := NewCloses()
	closes.Add(teardown.Reset, teardown.CauseNone)
	now := time.Unix(1_800_000_000, 0)
	e := exporter(t, Config{Now: func() time.Time { return now }}, one(full()))
	e.round(t.Context())
	now = now.Add(15 * time.Minute)
	e.round(t.Context()) // now there is a growth
	w := httptest.NewRecorder()
	Handler(Registry("v1", e, closes)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text := w.Body.String()
	if !strings.Contains(text, `lastack_close_wait_growth{netns="",process="nginx"} 0`) {
		t.Error("no growth")
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%+v, %v", problems, err)
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skipf("needs promtool for the rest (sudo apt-get install prometheus): %v", err)
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// TestFailureIsAbsence: a look that fails, or a target whose looks hang, shows no numbers.
func TestFailureIsAbsence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex // of what src does
		var err error
		hang := false
		become := func(e error, h bool) {
			mu.Lock()
			defer mu.Unlock()
			err, hang = e, h
		}
		src := &fake{func(ctx context.Context) (*monitor.Sample, error) {
			mu.Lock()
			e, h := err, hang
			mu.Unlock()
			if h {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return full(), e
		}}
		var said []string
		e := exporter(t, Config{Interval: time.Second, Trouble: func(s string) { said = append(said, s) }}, Target{Source: src})
		done := make(chan struct{})
		go func() { defer close(done); e.Run(ctx) }()
		at := func(d time.Duration, success string, sockets bool) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			got := scrape(t, e)
			if !strings.Contains(got, `lastack_look_success{netns=""} `+success) || strings.Contains(got, "lastack_sockets{") != sockets {
				t.Errorf("want success %s and sockets %v:\n%s", success, sockets, got)
			}
		}
		at(100*time.Millisecond, "1", true)
		become(errors.New("broken"), false)
		at(3*time.Second, "0", false)
		become(nil, false)
		at(time.Second, "1", true)
		become(nil, true)
		at(5*time.Second, "1", true)   // the look before, still
		at(10*time.Second, "0", false) // the look was given up
		cancel()
		<-done
		if len(said) != 2 {
			t.Errorf("said %q, want each trouble once", said)
		}
	})
}

// TestTargetsGo: a namespace that vanished shows nothing at all.
func TestTargetsGo(t *testing.T) {
	list := []Target{one(full()), {Name: "pod", Source: one(full()).Source}}
	e := exporter(t, Config{Targets: func() ([]Target, int, error) { return list, 4, nil }})
	e.round(t.Context())
	if got := scrape(t, e); !strings.Contains(got, `lastack_look_success{netns="pod"} 1`) || !strings.Contains(got, "left_out 4") {
		t.Error(got)
	}
	list = list[:1]
	e.round(t.Context())
	if got := scrape(t, e); strings.Contains(got, "pod") || len(e.trackers) != 1 {
		t.Error(got)
	}
}

// TestSeriesAreBounded: whatever processes call themselves, and however many there are.
func TestSeriesAreBounded(t *testing.T) {
	s := full()
	for i := range 300 {
		name := fmt.Sprintf("p%04d\xff", i)
		s.CloseWait = append(s.CloseWait, monitor.Held{ID: name, Owner: monitor.Owner{Name: name, PID: i}})
	}
	s.CloseWait = append(s.CloseWait, monitor.Held{ID: "o", Owner: monitor.Owner{Name: "other"}}, monitor.Held{ID: "o2", Owner: monitor.Owner{Name: "other"}})
	s.Beyond = 50
	var targets []Target
	for i := range MaxTargets + 5 {
		targets = append(targets, Target{Name: fmt.Sprint(i), Source: one(s).Source})
	}
	e := exporter(t, Config{}, targets...)
	e.round(t.Context())
	got := scrape(t, e)
	if n := strings.Count(got, "lastack_close_wait{"); n > (MaxProcesses+1)*MaxTargets {
		t.Errorf("%d series of lastack_close_wait", n)
	}
	if !strings.Contains(got, `lastack_close_wait{netns="1",process="unknown"} 50`) || !strings.Contains(got, "left_out 5") {
		t.Error("connections beyond the bound are not counted")
	}
	total := 0.0
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, `lastack_close_wait{netns="1",`) {
			var n float64
			if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' '):], &n); err != nil {
				t.Fatal(err)
			}
			total += n
		}
	}
	if total != 354 {
		t.Errorf("%v in CLOSE_WAIT altogether, want 354", total)
	}
}

// TestForecast: when ports run out, the time is a number.
func TestForecast(t *testing.T) {
	s := full()
	s.Destinations[0].Ports = 1000
	e := exporter(t, Config{}, one(s))
	e.round(t.Context())
	got := scrape(t, e)
	_, after, _ := strings.Cut(got, "lastack_ports_exhaustion_seconds{")
	var seconds float64
	line, _, _ := strings.Cut(after, "\n")
	if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &seconds); err != nil || seconds < 9 || seconds > 11 || math.IsInf(seconds, 0) {
		t.Errorf("%q: %v, %v; 398 ports at 40 a second", line, seconds, err)
	}
}

// TestStateIsKept: a connection's age survives a restart.
func TestStateIsKept(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	run := func() string {
		b, err := monitor.LoadBaseline(state, now)
		if err != nil {
			t.Fatal(err)
		}
		e := exporter(t, Config{Now: clock, Baseline: b, State: state}, one(full()))
		e.round(t.Context())
		e.save()
		return scrape(t, e)
	}
	run()
	now = now.Add(time.Hour)
	if got := run(); !strings.Contains(got, `lastack_close_wait_oldest_seconds{netns="",process="nginx"} 3600`) ||
		!strings.Contains(got, `lastack_close_wait_growth{netns="",process="nginx"} 0`) {
		t.Error(got)
	}
}

func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, Handler(Registry("v1"))) }()
	for path, want := range map[string]int{"/": 200, "/metrics": 200, "/other": 404} {
		resp, err := http.Get("http://" + l.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		if _ = resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestDocumented: the README's table has every metric.
func TestDocumented(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	has := func(name string) bool {
		for line := range strings.Lines(string(readme)) {
			if strings.Contains(line, "`"+name+"`") {
				return true
			}
			for i := range name {
				if name[i] == '_' && strings.Contains(line, "`"+name[:i]+"_") && strings.Contains(line, "`"+name[i:]+"`") {
					return true
				}
			}
		}
		return false
	}
	e := exporter(t, Config{}, one(full()))
	e.round(t.Context())
	names := []string{"lastack_close_wait_growth", "lastack_capture_up", "lastack_capture_packets_total", "lastack_capture_dropped_packets_total"}
	for line := range strings.Lines(scrape(t, e, NewCloses())) {
		name, _, _ := strings.Cut(line, "{")
		name, _, _ = strings.Cut(name, " ")
		if base, _, bucket := strings.Cut(name, "_seconds_"); bucket {
			name = base + "_seconds"
		}
		names = append(names, name)
	}
	for _, name := range names {
		if !has(name) {
			t.Errorf("%s is not in the README", name)
		}
	}
}
