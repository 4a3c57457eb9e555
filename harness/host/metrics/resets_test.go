package metrics

import (
	"strings"
	"testing"

	"lastack/harness/capture/reasons"
	"lastack/harness/explain"
	"lastack/harness/teardown"

	"github.com/prometheus/client_golang/prometheus"
)

// words is a kernel that has two.
type words struct{ lost uint64 }

func (words) Of(reasons.Query) *reasons.Close { return nil }
func (words) Reasons() []string               { return []string{"NO_SOCKET", "TCP_STATE"} }
func (w words) Lost() uint64                  { return w.lost }

// resetsOnly makes a Collector of resets.
type resetsOnly struct{ *resets }

func (resetsOnly) Describe(chan<- *prometheus.Desc)      {}
func (r resetsOnly) Collect(ch chan<- prometheus.Metric) { r.collect(ch) }

// TestResets: each connection that a RST ended counts once, by a word that the kernel has, and
// by no other; a connection without a RST counts not at all.
func TestResets(t *testing.T) {
	r := newResets(words{lost: 7})
	for _, k := range []*reasons.Close{
		nil,
		{End: reasons.End{Reason: "NO_SOCKET"}},
		{End: reasons.End{Side: reasons.Client, ResetReceived: true}},
		{End: reasons.End{Side: reasons.Client, ResetReceived: true}, Other: &reasons.End{Reason: "NO_SOCKET"}},
		{End: reasons.End{Reason: "reason 99"}},
		{End: reasons.End{Reason: "\n{\"", PID: 1, Command: "x"}},
		{Ambiguous: true},
	} {
		c := &explain.Connection{Kernel: k}
		c.ResetBy = teardown.Server
		r.add(c)
		c.ResetBy = teardown.None
		r.add(c)
	}
	got := scrape(t, resetsOnly{r})
	for _, want := range []string{
		"lastack_kernel_records_lost_total 7\n", `lastack_resets_total{reason="NO_SOCKET"} 2` + "\n", `lastack_resets_total{reason="TCP_STATE"} 0` + "\n",
		`lastack_resets_total{reason="received"} 1` + "\n", `lastack_resets_total{reason="unknown"} 4` + "\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "lastack_resets_total"); n != 4 {
		t.Errorf("%d series:\n%s", n, got)
	}
}
