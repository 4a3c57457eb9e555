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

// NewCloses begins at zero for the kinds and causes that are to be expected, so that a rate
// shows their first one too.
func NewCloses() *Closes {
	c := &Closes{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lastack_closes_total", Help: "Connections by how they closed and by the cause, \"none\" for an orderly close.",
	}, []string{"kind", "cause"})}
	for _, kind := range orderly {
		c.closes.WithLabelValues(string(kind), string(teardown.CauseNone))
	}
	for _, cause := range teardown.Causes() {
		if cause != teardown.CauseNone {
			c.closes.WithLabelValues(string(teardown.Reset), string(cause))
		}
	}
	return c
}

// orderly are the closes that mostly have no cause.
var orderly = []teardown.Kind{
	teardown.ThreeWay, teardown.FourWay, teardown.Simultaneous, teardown.HalfClosed, teardown.Open, teardown.Unanswered,
}

// Add counts one.
func (c *Closes) Add(kind teardown.Kind, cause teardown.Cause) {
	c.closes.WithLabelValues(string(kind), string(cause)).Inc()
}

// Describe and Collect make it a prometheus.Collector.
func (c *Closes) Describe(ch chan<- *prometheus.Desc) { c.closes.Describe(ch) }

// Collect shows the counts.
func (c *Closes) Collect(ch chan<- prometheus.Metric) { c.closes.Collect(ch) }
