package metrics

import (
	"lastack/harness/teardown"

	"github.com/prometheus/client_golang/prometheus"
)

// Closes counts connections by how they closed and why. There are as many series as kinds
// and causes.
type Closes struct {
	closes *prometheus.CounterVec
}

// NewCloses begins at nothing.
func NewCloses() *Closes {
	return &Closes{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lastack_closes_total", Help: "Connections by how they closed and by the cause, \"none\" for an orderly close.",
	}, []string{"kind", "cause"})}
}

// Add counts one.
func (c *Closes) Add(kind teardown.Kind, cause teardown.Cause) {
	c.closes.WithLabelValues(string(kind), string(cause)).Inc()
}

// Describe and Collect make it a prometheus.Collector.
func (c *Closes) Describe(ch chan<- *prometheus.Desc) { c.closes.Describe(ch) }

// Collect shows the counts.
func (c *Closes) Collect(ch chan<- prometheus.Metric) { c.closes.Collect(ch) }
