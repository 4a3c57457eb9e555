package metrics

import (
	"context"
	"sync/atomic"

	"lastack/harness/explain"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	captureUp      = desc("capture_up", "Whether packets are being captured; the counts of closes are absent when not.")
	capturePackets = desc("capture_packets_total", "Packets that were captured.")
	captureDropped = desc("capture_dropped_packets_total", "Packets that the kernel dropped because the capture could not keep up.")
)

// LiveCapture is a capture under way; *capture.Live is one.
type LiveCapture interface {
	explain.LiveSource
	Stop() error
}

// Capture counts the closes that a capture shows, by explain's Analysis, whose memory is
// bounded. Make it with NewCapture. It is a prometheus.Collector.
type Capture struct {
	live    LiveCapture
	name    string
	trouble func(string)
	closes  *Closes
	resets  *resets
	ended   atomic.Bool
}

// NewCapture counts nothing until Run. name is what is captured on, for trouble, which takes
// what goes wrong and ends nothing. kernel says why RSTs were sent; nil is nobody.
func NewCapture(live LiveCapture, name string, kernel Kernel, trouble func(string)) *Capture {
	c := &Capture{live: live, name: name, trouble: trouble, closes: NewCloses()}
	if kernel != nil {
		c.resets = newResets(kernel)
	}
	return c
}

// Run counts until ctx ends, or the interface is removed: then it says so and waits for ctx,
// as the exporter goes on without.
func (c *Capture) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = c.live.Stop() })()
	// A connection that closed is counted at once, and any other as it leaves.
	opt := explain.Options{
		Closed: func(k *explain.Connection) error {
			c.closes.Add(k.Close, k.Cause)
			if c.resets != nil {
				c.resets.add(k)
			}
			return nil
		},
		Each: func(k *explain.Connection) error {
			if !k.Over {
				c.closes.Add(k.Close, k.Cause)
			}
			return nil
		},
	}
	if c.resets != nil {
		opt.Kernel = c.resets.kernel.Of
	}
	a := explain.New(opt)
	err := a.ReadAll(&explain.Watch{Live: c.live, Name: c.name, Trouble: c.trouble})
	if ctx.Err() != nil {
		return nil
	}
	c.ended.Store(true)
	if err != nil {
		c.trouble("the capture on " + c.name + " ended: " + err.Error())
	}
	<-ctx.Done()
	return nil
}

// Describe describes nothing: the counts are absent once the capture has ended.
func (c *Capture) Describe(chan<- *prometheus.Desc) {}

// Collect shows the counts.
func (c *Capture) Collect(ch chan<- prometheus.Metric) {
	if c.ended.Load() {
		ch <- gauge(captureUp, 0)
		return
	}
	ch <- gauge(captureUp, 1)
	s := c.live.Stats()
	ch <- prometheus.MustNewConstMetric(capturePackets, prometheus.CounterValue, float64(s.Delivered))
	ch <- prometheus.MustNewConstMetric(captureDropped, prometheus.CounterValue, float64(s.Dropped))
	c.closes.Collect(ch)
	if c.resets != nil {
		c.resets.collect(ch)
	}
}
