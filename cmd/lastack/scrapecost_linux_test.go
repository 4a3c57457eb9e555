package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"lastack/harness/lab/labtest"
)

const (
	// scrapes are made one after another, and their times summed.
	scrapes = 20
	// maxScrape is how many bytes an answer may have, however many sockets there are.
	maxScrape = 64 << 10
)

// TestScrapeCost: what Prometheus gets from "monitor --kernel --listen" under many sockets is no
// longer than under few, and its log has what it costs: LASTACK_SOCKETS=500000
// LASTACK_BIN=bin/lastack, to try a binary that was built as it is shipped.
func TestScrapeCost(t *testing.T) {
	want, bin := labtest.Many(t), os.Getenv("LASTACK_BIN") // here, for "go test" to know what it depends on
	if !labtest.Inside(t) {
		return
	}
	labtest.TimeWait(t, want)
	startExporter(t, cmp.Or(bin, asLastack(t)), "127.0.0.1:9817")
	before, began := awaitLook(t, 0), time.Now()
	var body string
	for range scrapes {
		body = scrapeOnce(t)
	}
	each := time.Since(began) / scrapes
	after := readMetrics(body)
	busy := func(from, to map[string]float64) float64 {
		return 1000 * (to["process_cpu_seconds_total"] - from["process_cpu_seconds_total"])
	}
	next := awaitLook(t, after[`lastack_look_timestamp_seconds{netns=""}`])
	last := awaitLook(t, next[`lastack_look_timestamp_seconds{netns=""}`])
	t.Logf("%.0f in TIME_WAIT: %d scrapes take %v and %d bytes each, %.0f ms of a processor in all; a look takes %.0f ms, %.0f ms of a processor; resident %.1f MiB after three",
		last[`lastack_sockets{netns="",state="TIME_WAIT"}`], scrapes, each, len(body), busy(before, after),
		1000*last[`lastack_look_duration_seconds{netns=""}`], busy(next, last), last["process_resident_memory_bytes"]/(1<<20))
	if n := last[`lastack_sockets{netns="",state="TIME_WAIT"}`]; n < float64(want)*9/10 {
		t.Errorf("%.0f in TIME_WAIT, want about %d", n, want)
	}
	if len(body) > maxScrape {
		t.Errorf("an answer of %d bytes:\n%.2000s", len(body), body)
	}
}

// startExporter runs "monitor --kernel --listen" with a /proc of the lab's own, from which it
// tells what it uses itself, until the test ends.
func startExporter(t *testing.T, lastack, addr string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "sh", "-c",
		`mount -t proc proc /proc && exec "$0" monitor --kernel --listen "$1" --interval 1s`, lastack, addr)
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	var said strings.Builder
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil && t.Context().Err() == nil || t.Failed() {
			t.Errorf("%v: %s", err, &said)
		}
	})
}

// awaitLook scrapes until there was another look than that of a time, and returns what is shown
// then.
func awaitLook(t *testing.T, than float64) map[string]float64 {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Second); ; {
		if resp, err := http.Get("http://127.0.0.1:9817/metrics"); err == nil {
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if m := readMetrics(string(body)); m[`lastack_look_success{netns=""}`] == 1 && m[`lastack_look_timestamp_seconds{netns=""}`] > than {
				return m
			}
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("no look within 30 s")
		}
	}
}

func scrapeOnce(t *testing.T) string {
	t.Helper()
	resp, err := http.Get("http://127.0.0.1:9817/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, status %d", err, resp.StatusCode)
	}
	return string(body)
}

// readMetrics are the samples of an answer, by name and labels.
func readMetrics(body string) map[string]float64 {
	m := map[string]float64{}
	for line := range strings.Lines(body) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		var n float64
		if _, err := fmt.Sscan(value, &n); ok && err == nil && !strings.HasPrefix(line, "#") {
			m[name] = n
		}
	}
	return m
}
