package explain

import (
	"fmt"
	"time"
)

// moments is when things happened: the first, the last, and how many in which minute.
type moments struct {
	First   time.Time     `json:"first"`
	Last    time.Time     `json:"last"`
	N       int           `json:"n"`
	Minutes map[int64]int `json:"minutes"` // since 1970
}

// maxMinutes bounds the minutes of which one may have most: the first ones.
const maxMinutes = 512

func (m *moments) add(t time.Time) {
	m.extend(t, t, 1)
	m.addMinute(t.Unix()/60, 1)
}

func (m *moments) extend(first, last time.Time, n int) {
	if m.N == 0 {
		m.First, m.Last, m.Minutes = first, last, map[int64]int{}
	}
	m.N, m.First, m.Last = m.N+n, earlier(m.First, first), later(m.Last, last)
}

// addMinute gives up the latest minute where there are too many, so that which ones are
// left does not hang on their order.
func (m *moments) addMinute(minute int64, n int) {
	m.Minutes[minute] += n
	if len(m.Minutes) > maxMinutes {
		latest := minute
		for k := range m.Minutes {
			latest = max(latest, k)
		}
		delete(m.Minutes, latest)
	}
}

func (m *moments) merge(o *moments) {
	m.extend(o.First, o.Last, o.N)
	for minute, n := range o.Minutes {
		m.addMinute(minute, n)
	}
}

// burstFrom is how many make a burst.
const burstFrom = 10

// burst is a sentence about the minute that has more than half of all, with their rate,
// if there is one.
func (m *moments) burst(between gaps) string {
	if m == nil || m.N < burstFrom {
		return ""
	}
	best, most := int64(0), 0
	for minute, n := range m.Minutes {
		if n > most || n == most && minute < best {
			best, most = minute, n
		}
	}
	if most < burstFrom || 2*most <= m.N {
		return ""
	}
	at := time.Unix(best*60, 0).UTC().Format("2006-01-02 15:04 UTC")
	if m.Last.Sub(m.First) < time.Second {
		return fmt.Sprintf(" All in %s from %s.", long(m.Last.Sub(m.First)), m.First.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if m.Last.Sub(m.First) < time.Minute {
		return fmt.Sprintf(" All in %s from %s, %.1f per second.", long(m.Last.Sub(m.First)), m.First.UTC().Format("2006-01-02 15:04:05 UTC"), between.rate(m.N, m.First, m.Last))
	}
	begin := time.Unix(best*60, 0)
	covered := time.Minute - between.within(begin, begin.Add(time.Minute))
	return fmt.Sprintf(" %s of them in the minute of %s, %.1f per second.", number(most), at, float64(most)/max(1, covered.Seconds()))
}
