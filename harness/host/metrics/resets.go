package metrics

import (
	"lastack/harness/capture/reasons"
	"lastack/harness/explain"
	"lastack/harness/teardown"

	"github.com/prometheus/client_golang/prometheus"
)

// Kernel says why it sent RSTs; *reasons.Source does.
type Kernel interface {
	Of(reasons.Query) *reasons.Close
	// Reasons are all the words that it may have for that.
	Reasons() []string
	// Lost is how many of its records were lost.
	Lost() uint64
}

// What stands in a label for a reason that the kernel of this machine has none for; its own
// words are in capitals.
const (
	reasonReceived = "received" // the RST came from elsewhere
	reasonUnknown  = "unknown"
)

var kernelLost = desc("kernel_records_lost_total", "Records of the kernel's about sockets that were lost because they came faster than they were read.")

// resets counts connections that a RST ended or refused, by the kernel's reason. There are as
// many series as the kernel has words, and two.
type resets struct {
	kernel Kernel
	known  map[string]bool
	resets *prometheus.CounterVec
}

func newResets(kernel Kernel) *resets {
	r := &resets{kernel: kernel, known: map[string]bool{}, resets: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lastack_resets_total",
		Help: "Connections that a RST ended or refused, by the kernel's reason for sending it; \"received\" from another machine, or \"unknown\".",
	}, []string{"reason"})}
	for _, reason := range append(kernel.Reasons(), reasonReceived, reasonUnknown) {
		r.known[reason] = true
		r.resets.WithLabelValues(reason)
	}
	return r
}

// add counts a connection that is over.
func (r *resets) add(k *explain.Connection) {
	if k.ResetBy != teardown.None {
		r.resets.WithLabelValues(r.reason(k.Kernel)).Inc()
	}
}

func (r *resets) reason(k *reasons.Close) string {
	if k == nil {
		return reasonUnknown
	}
	ends := []*reasons.End{&k.End}
	if k.Other != nil {
		ends = append(ends, k.Other)
	}
	for _, e := range ends {
		if r.known[e.Reason] {
			return e.Reason
		}
	}
	for _, e := range ends {
		if e.ResetReceived {
			return reasonReceived
		}
	}
	return reasonUnknown
}

func (r *resets) collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(kernelLost, prometheus.CounterValue, float64(r.kernel.Lost()))
	r.resets.Collect(ch)
}
