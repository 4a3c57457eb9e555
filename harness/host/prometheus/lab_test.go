package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/host/metrics"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

const (
	exporterAddr   = "127.0.0.1:9817"
	prometheusAddr = "127.0.0.1:9090"
	// patience is for a busy machine; it takes a fraction of that.
	patience = 60 * time.Second
)

// quick turns minutes into seconds, so that a test can wait for an alert.
var quick = []string{
	"keep_firing_for: 5m", "keep_firing_for: 5s", "for: 2m", "for: 1s", "for: 10m", "for: 1s", "for: 1m", "for: 1s", "for: 5m", "for: 1s",
	"[30m]", "[4s]", "[15m]", "[4s]", "[5m]", "[4s]", "> 600", "> 2",
}

// TestPrometheus: a real Prometheus scrapes a healthy pair, and no alert is even pending; then a
// leaking server and an exhausting client besides, and their two alerts fire, and no other; then a
// server that resets idle connections, and a limit on TIME_WAIT, and two more fire.
//
//	client --8 a second, each closed by the client--> :8081   ports run out
//	client --2 a second, never closed by the server-> :8082   CLOSE_WAIT grows
//	client --2 a second, closed by the server-------> :8083   healthy, until TIME_WAIT overflows
//	client --8 a second, reset when idle for 1.2 s--> :8084   resets after idle
//	Prometheus :9090 --every 500 ms-----------------> :9817   the exporter, in this process
func TestPrometheus(t *testing.T) {
	if _, err := lab.Command(t.Context(), "prometheus", "--version").Output(); err != nil {
		t.Skipf("needs prometheus (sudo apt-get install prometheus): %v", err)
	}
	if !labtest.Inside(t) {
		return
	}
	for key, value := range map[string]string{"ip_local_port_range": "20000 20119", "tcp_tw_reuse": "0"} {
		if err := lab.Sysctl("net.ipv4."+key, value); err != nil {
			t.Fatal(err)
		}
	}
	export(t)
	start(t)
	clients(t, "127.0.0.1:8083", 500*time.Millisecond, serverCloses)
	await(t, "the first scrapes", func() bool { return len(ask(t, "count_over_time(lastack_look_success[1h]) > 6")) > 0 })
	if got := alerts(t); len(got) > 0 {
		t.Fatalf("a healthy pair raises %v", got)
	}
	clients(t, "127.0.0.1:8082", 500*time.Millisecond, serverLeaks)
	clients(t, "127.0.0.1:8081", 125*time.Millisecond, clientCloses)
	want := []string{
		"LastackCloseWaitGrows " + comm(t) + " firing",
		"LastackPortsRunOut 127.0.0.1:8081 firing",
	}
	var got []string
	await(t, "the alerts", func() bool {
		got = alerts(t)
		return slices.Equal(got, want)
	})
	t.Logf("alerts: %q", got)
	tryDashboard(t)
	watch(t, want)
	if err := lab.Sysctl("net.ipv4.tcp_max_tw_buckets", "10"); err != nil {
		t.Fatal(err)
	}
	idlers(t, "127.0.0.1:8084")
	want = append(want, "LastackResetsAfterIdle  firing", "LastackTimeWaitOverflow  firing")
	await(t, "resets after idle, and TIME_WAIT that overflows", func() bool {
		got = alerts(t)
		return slices.Equal(got, want)
	})
	t.Logf("alerts: %q", got)
}

// watchEnv is for how long the alerts are watched once they fire; a second if it is not set.
const watchEnv = "LASTACK_PROMETHEUS_WATCH"

// watch: meanwhile no other alert comes, and these stay.
func watch(t *testing.T, want []string) {
	t.Helper()
	long := time.Second
	if text := os.Getenv(watchEnv); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if got := alerts(t); !slices.Equal(got, want) {
				// A busy machine may be late with a scrape, and what it does not see ends.
				missing := !slices.ContainsFunc(got, func(a string) bool { return !slices.Contains(want, a) })
				if missing && len(ask(t, "min_over_time(up[15s]) < 1")) > 0 {
					await(t, "the alerts, after a scrape that failed", func() bool { return slices.Equal(alerts(t), want) })
					continue
				}
				for _, q := range []string{`lastack_ports_exhaustion_seconds[10s]`, `lastack_ports_used[10s]`, `lastack_close_wait[10s]`} {
					t.Logf("%s", ask(t, q))
				}
				t.Fatalf("alerts %q, want %q", got, want)
			}
		case <-ctx.Done():
			return
		}
	}
}

// tryDashboard: Prometheus takes every query, and those about what happens here have an answer.
func tryDashboard(t *testing.T) {
	t.Helper()
	quiet := []string{ // nothing of the kind happens here
		"CLOSE_WAIT, more than an hour ago",
		"Connections that ended without TIME_WAIT, and aborts, a second", "Refused by a full queue, and PAWS, a second",
		"Resets by the kernel's reason, a second",
	}
	all := queries(t)
	if len(all) < 10 {
		t.Errorf("%d panels", len(all))
	}
	for title, list := range all {
		for _, q := range list {
			if len(ask(t, q)) == 0 && !slices.Contains(quiet, title) {
				t.Errorf("%s: no answer to %s", title, q)
			}
		}
	}
}

// export looks four times a second, captures on loopback, and answers on exporterAddr until the
// test ends.
func export(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", exporterAddr)
	if err != nil {
		t.Fatal(err)
	}
	e, err := metrics.New(metrics.Config{
		Targets: metrics.NewNamespaces(nil, metrics.DefaultTop).Targets, Interval: 250 * time.Millisecond,
		Trouble: func(what string) { t.Log(what) },
	})
	if err != nil {
		t.Fatal(err)
	}
	live, err := capture.OpenLive("lo", capture.LiveConfig{SnapLen: 256, Wake: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { live.Close() })
	packets := metrics.NewCapture(live, "lo", nil, func(what string) { t.Log(what) })
	background(t, e.Run)
	background(t, func(ctx context.Context) { _ = packets.Run(ctx) })
	background(t, func(ctx context.Context) {
		if err := metrics.Serve(ctx, l, metrics.Handler(metrics.Registry("test", e, packets))); err != nil {
			t.Error(err)
		}
	})
}

// background runs f until the test ends, and waits for it then.
func background(t *testing.T, f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// start runs Prometheus with the quick variant of the rules.
func start(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile("rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(quick); i += 2 {
		if !strings.Contains(string(text), quick[i]) {
			t.Errorf("no %q in the rules", quick[i])
		}
	}
	for name, content := range map[string]string{
		"rules.yaml": strings.NewReplacer(quick...).Replace(string(text)),
		"prometheus.yaml": `global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
rule_files: [rules.yaml]
scrape_configs: [{job_name: lastack, static_configs: [{targets: ["` + exporterAddr + `"]}]}]
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := lab.Command(ctx, "prometheus", "--config.file="+filepath.Join(dir, "prometheus.yaml"), "--log.level=error",
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+prometheusAddr)
	var said strings.Builder
	p.Stdout, p.Stderr = &said, &said
	if err := p.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = p.Wait() // it was killed
		if said.Len() > 0 && t.Failed() {
			t.Logf("prometheus: %s", &said)
		}
	})
	await(t, "prometheus", func() bool {
		resp, err := http.Get("http://" + prometheusAddr + "/-/ready")
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within %v; the alerts are %q", what, patience, alerts(t))
		}
	}
}

// get asks Prometheus' API.
func get(t *testing.T, path string, data any) {
	t.Helper()
	resp, err := http.Get("http://" + prometheusAddr + "/api/v1/" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s: %v, %s", path, err, answer.Error)
	}
}

// ask evaluates a query.
func ask(t *testing.T, query string) []json.RawMessage {
	t.Helper()
	var data struct{ Result []json.RawMessage }
	get(t, "query?query="+url.QueryEscape(query), &data)
	return data.Result
}

// alerts are those that fire or are about to.
func alerts(t *testing.T) []string {
	t.Helper()
	var data struct {
		Alerts []struct {
			Labels map[string]string
			State  string
		}
	}
	get(t, "alerts", &data)
	var list []string
	for _, a := range data.Alerts {
		list = append(list, fmt.Sprintf("%s %s%s %s", a.Labels["alertname"], a.Labels["destination"], a.Labels["process"], a.State))
	}
	slices.Sort(list)
	return list
}

// comm is this process's name.
func comm(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}
