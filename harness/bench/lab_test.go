package bench

import (
	"os"
	"slices"
	"testing"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// needTUN skips a test where no lab may be made or no TUN be opened, in which the runs, as
// processes of their own, would fail.
func needTUN(t *testing.T) {
	t.Helper()
	err := lab.Check()
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err == nil {
			err = f.Close()
		}
	}
	switch {
	case err != nil && os.Getenv(labtest.RequireEnv) == "1":
		t.Fatalf("%s=1, but %v", labtest.RequireEnv, err)
	case err != nil:
		t.Skipf("needs a lab with a TUN: %v", err)
	}
}

// TestStanding: what comes to stand in TIME_WAIT is what the host counts there, at a
// record's price.
func TestStanding(t *testing.T) {
	needTUN(t)
	const count = 4000
	r := run{Subject: lastackSlow, Measure: "standing", Count: count, Workers: 4, Windows: 1, Window: 50 * time.Millisecond}
	got, err := once(t.Context(), &r, []string{})
	if err != nil {
		t.Fatal(err)
	}
	// The last of them may still be on their way there: on a busy machine, more than a few.
	if got["held"] < count*9/10 || got["heap_bytes"] > 500 || got["gc_ms"] <= 0 || got["failures"] != 0 {
		t.Errorf("%v, want %d in TIME_WAIT, at far less than an endpoint's 5 KB", got, count)
	}
}

// TestEachMeasure is a tiny run of each measure on each subject: that it works, not
// how fast it is.
func TestEachMeasure(t *testing.T) {
	needTUN(t)
	const window = 50 * time.Millisecond
	for _, c := range []struct {
		run  run
		keys []string // which have to be more than 0
	}{
		{run{Measure: "churn", Workers: 4, Windows: 2, Window: window}, []string{"rate", "made", "cpu_us", "packets", "last_first"}},
		{run{Measure: "churn", Workers: 4, Windows: 1, Window: window, ClientFirst: true}, []string{"rate", "made", "packets"}},
		{run{Measure: "offered", Workers: 8, Windows: 2, Window: window}, []string{"rate", "made", "p50_ms", "p99_ms"}},
		{run{Measure: "bulk", Window: window}, []string{"gbit", "bytes", "cpu_ms_per_gb"}},
		{run{Measure: "bulk", Window: window, FromHost: true}, []string{"gbit", "bytes", "cpu_ms_per_gb"}},
		{run{Measure: "echo", Window: window}, []string{"p50_us", "p99_us"}},
		{run{Measure: "close", Window: window}, []string{"p50_us", "p99_us"}},
		{run{Measure: "idle", Count: 100}, []string{"held", "heap_bytes"}},
		{run{Measure: "time-wait", Count: 400, Workers: 4}, []string{"held"}},
		{run{Measure: "standing", Count: 400, Workers: 4, Windows: 1, Window: window}, []string{"rate", "last_first"}},
	} {
		for _, s := range subjects {
			if s.name == lastackServe && c.run.FromHost {
				continue // serve has no app that sends without end
			}
			if c.run.Measure != "churn" && c.run.Measure != "bulk" && !slices.Contains(everybody, s.name) {
				continue
			}
			name := c.run.Measure + "/" + s.name
			t.Run(name, func(t *testing.T) {
				c.run.Subject = s.name
				got := something(t, c.run, c.keys)
				if got["failures"] != 0 {
					t.Errorf("%v connections failed", got["failures"])
				}
			})
		}
	}
}

// something is a run in whose windows something happened: they grow until it does, for a busy
// machine may do nothing at all in a short one.
func something(t *testing.T, r run, keys []string) sample {
	t.Helper()
	const longest = 3 * time.Second
	for ; ; r.Window *= 4 {
		got, err := once(t.Context(), &r, []string{})
		if err != nil {
			t.Fatal(err)
		}
		k := slices.IndexFunc(keys, func(k string) bool { return got[k] <= 0 })
		if k < 0 {
			return got
		}
		if r.Window == 0 || r.Window >= longest {
			t.Fatalf("%s is %v in %v", keys[k], got[keys[k]], got)
		}
		t.Logf("%s is %v in windows of %v", keys[k], got[keys[k]], r.Window)
	}
}
