package metrics

import (
	"math"
	"slices"
	"strings"
	"time"

	"lastack/harness/host/monitor"
	"lastack/harness/lab/sockstat"

	"github.com/prometheus/client_golang/prometheus"
)

// other is the label of what is summed.
const other = "other"

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// render makes metrics of a look. Names of processes are theirs to choose, and need not be
// UTF-8.
func render(target string, s *monitor.Sample, r *monitor.Report, took time.Duration) []prometheus.Metric {
	list := []prometheus.Metric{
		gauge(lookTime, float64(r.Time.UnixMilli())/1000, target),
		gauge(lookTook, took.Seconds(), target),
	}
	for _, state := range sockstat.States() {
		if state != "CLOSED" {
			list = append(list, gauge(sockets, float64(s.States[state]), target, state))
		}
	}
	if s.Orphans != nil {
		list = append(list, gauge(orphaned, float64(*s.Orphans), target))
	}
	list = append(list, renderPorts(target, s, r)...)
	list = append(list, renderCloseWait(target, s, r)...)
	for _, name := range events {
		if n, ok := s.Counters[name]; ok {
			m := prometheus.MustNewConstMetric(tcpEvents, prometheus.CounterValue, float64(n), target, name)
			list = append(list, m)
		}
	}
	return list
}

func renderPorts(target string, s *monitor.Sample, r *monitor.Report) []prometheus.Metric {
	var list []prometheus.Metric
	for i := range r.Destinations {
		d := &r.Destinations[i]
		labels := []string{target, d.Local.String(), d.Remote.String()}
		ends := math.Inf(1)
		if d.RunsOutMS != nil {
			ends = float64(*d.RunsOutMS) / 1000
		}
		list = append(list,
			gauge(portsUsed, float64(d.Taken), labels...),
			gauge(portsRange, float64(d.Ports), labels...),
			gauge(portsWaits, float64(d.TimeWait), labels...),
			gauge(portsRate, d.PerSecond+d.LivePerSecond, labels...),
			gauge(portsSettle, d.SettlesAt, labels...),
			gauge(portsEnd, ends, labels...))
	}
	return append(list, gauge(portsUsed, float64(s.Rest), target, other, other))
}

// holding is what all processes of one name hold.
type holding struct {
	name        string
	count, seen int
	oldest      time.Duration
	seconds     float64
	ages        [len(monitor.AgeBounds) + 1]int
	growth      int
	grows       bool // growth is known
}

func (h *holding) add(m *monitor.Holder) {
	h.count += m.Count
	h.seen += m.Count
	h.oldest = max(h.oldest, time.Duration(m.SeenMS)*time.Millisecond)
	h.seconds += m.SeenSeconds
	for i, n := range m.Ages {
		h.ages[i] += n
	}
	if m.MoreThanBefore != nil {
		h.growth += *m.MoreThanBefore
		h.grows = true
	}
}

// renderCloseWait sums by the names of processes: those with most have a series each.
func renderCloseWait(target string, s *monitor.Sample, r *monitor.Report) []prometheus.Metric {
	var list []prometheus.Metric
	for _, h := range holdings(s, r) {
		labels := []string{target, h.name}
		buckets, below := map[float64]uint64{}, 0
		for i, bound := range monitor.AgeBounds {
			below += h.ages[i]
			buckets[bound.Seconds()] = uint64(below)
		}
		list = append(list,
			gauge(closeWait, float64(h.count), labels...),
			gauge(closeWaitOldest, h.oldest.Seconds(), labels...),
			prometheus.MustNewConstHistogram(closeWaitAge, uint64(h.seen), h.seconds, buckets, labels...))
		if h.grows {
			list = append(list, gauge(closeWaitGrowth, float64(h.growth), labels...))
		}
	}
	return list
}

func holdings(s *monitor.Sample, r *monitor.Report) []*holding {
	byName := map[string]*holding{}
	var list []*holding
	of := func(name string) *holding {
		name = strings.ToValidUTF8(name, "\uFFFD")
		if byName[name] == nil && len(list) >= MaxProcesses {
			name = other
		}
		h := byName[name]
		if h == nil {
			h = &holding{name: name}
			byName[name] = h
			list = append(list, h)
		}
		return h
	}
	if s.Beyond > 0 {
		of(monitor.UnknownProcess).count += s.Beyond
	}
	for i := range r.CloseWait { // those with most come first
		of(r.CloseWait[i].Process).add(&r.CloseWait[i])
	}
	slices.SortFunc(list, func(a, b *holding) int { return strings.Compare(a.name, b.name) })
	return list
}
