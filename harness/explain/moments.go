package explain

import (
	"fmt"
	"time"
)

// moments is when things happened: the first, the last, and how many in which minute.
type moments struct {
	first, last time.Time
	n           int
	minutes     map[int64]int // since 1970
	gaps        *gaps
}

// maxMinutes bounds the minutes of which one may have most.
const maxMinutes = 512

func (m *moments) add(t time.Time) {
	if m.n++; m.n == 1 {
		m.first, m.last, m.minutes = t, t, map[int64]int{}
	}
	m.first, m.last = earlier(m.first, t), later(m.last, t)
	minute := t.Unix() / 60
	if _, known := m.minutes[minute]; known || len(m.minutes) < maxMinutes {
		m.minutes[minute]++
	}
}

// burstFrom is how many make a burst.
const burstFrom = 10

// burst is a sentence about the minute that has more than half of all, with their rate,
// if there is one.
func (m *moments) burst() string {
	if m == nil || m.n < burstFrom {
		return ""
	}
	best, most := int64(0), 0
	for minute, n := range m.minutes {
		if n > most || n == most && minute < best {
			best, most = minute, n
		}
	}
	if most < burstFrom || 2*most <= m.n {
		return ""
	}
	at := time.Unix(best*60, 0).UTC().Format("2006-01-02 15:04 UTC")
	if m.last.Sub(m.first) < time.Second {
		return fmt.Sprintf(" All in %s from %s.", long(m.last.Sub(m.first)), m.first.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if m.last.Sub(m.first) < time.Minute {
		return fmt.Sprintf(" All in %s from %s, %.1f per second.", long(m.last.Sub(m.first)), m.first.UTC().Format("2006-01-02 15:04:05 UTC"), m.gaps.rate(m.n, m.first, m.last))
	}
	begin := time.Unix(best*60, 0)
	covered := time.Minute - m.gaps.within(begin, begin.Add(time.Minute))
	return fmt.Sprintf(" %s of them in the minute of %s, %.1f per second.", number(most), at, float64(most)/max(1, covered.Seconds()))
}
