package monitor

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"lastack/harness/lab/sockstat"
)

// Report is what a look showed, seen against the looks before it. It is what
// --json prints a line of.
type Report struct {
	Time time.Time `json:"time"`
	// States has an entry for each state in which there is, or just was, a socket.
	States map[string]Count `json:"states"`
	// Destinations with the most ports taken, the fullest first.
	Destinations []Destination `json:"destinations"`
	// CloseWait is who holds connections in CLOSE_WAIT.
	CloseWait []Holder `json:"close_wait"`
	// Alarms that are raised now.
	Alarms []Raised `json:"alarms"`
}

// Count is a number of sockets and its change.
type Count struct {
	N int `json:"count"`
	// PerSecond is the change since the look before; 0 at the first.
	PerSecond float64 `json:"per_second"`
}

// Destination is what connections to one address and port take of the local ports.
type Destination struct {
	Local  netip.Addr     `json:"local"`
	Remote netip.AddrPort `json:"remote"`
	Ports  int            `json:"ports"`
	Taken  int            `json:"taken"`
	Left   int            `json:"left"`
	// TimeWait counts connections in TIME_WAIT, those whose port may be used again too.
	TimeWait int `json:"time_wait"`
	// PerSecond is how many connections a second came into TIME_WAIT lately.
	PerSecond float64 `json:"per_second"`
	// LivePerSecond is how many more a second there are that stay, since the
	// destination was first seen.
	LivePerSecond float64 `json:"live_per_second"`
	// SettlesAt is how many ports will be taken at this rate, and at this number
	// of live connections, if there are as many.
	SettlesAt float64 `json:"settles_at"`
	// RunsOutMS is until no port is left, at this rate; null if that never comes.
	RunsOutMS *int64 `json:"runs_out_ms"`
}

// Holder is who ought to close connections in CLOSE_WAIT.
type Holder struct {
	Owner string `json:"owner"`
	// Process is the name in Owner as the process chose it.
	Process string `json:"process"`
	PID     int    `json:"pid,omitempty"`
	Count   int    `json:"count"`
	// SeenMS is for how long the oldest has been seen. It may be older.
	SeenMS int64 `json:"seen_ms"`
	// MoreThanBefore is how many more there are than BeforeMS ago; null if that is not known.
	MoreThanBefore *int  `json:"more_than_before"`
	BeforeMS       int64 `json:"before_ms,omitempty"`
	// Ages counts them by the time for which each has been seen: those up to AgeBounds[i],
	// and last the older ones. They are Count together.
	Ages [ageBounds + 1]int `json:"-"`
	// SeenSeconds is the sum of those times.
	SeenSeconds float64 `json:"-"`
}

const ageBounds = 7

// AgeBounds are the bounds of Holder.Ages.
var AgeBounds = [ageBounds]time.Duration{
	10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
}

func (h *Holder) add(age time.Duration) {
	h.Count++
	h.SeenMS = max(h.SeenMS, age.Milliseconds())
	h.SeenSeconds += age.Seconds()
	i, _ := slices.BinarySearch(AgeBounds[:], age)
	h.Ages[i]++
}

// Tracker makes reports of samples. Make it with NewTracker.
type Tracker struct {
	alarms  []Alarm
	last    *Report
	raised  []bool // the alarms at the last look
	held    map[string]time.Time
	live    map[route]liveSince
	summary Summary

	baseline *Baseline // nil if there is none
	target   string    // what it calls these sockets
}

type route struct {
	local  netip.Addr
	remote netip.AddrPort
}

// liveSince is how many live connections a destination had when it was first seen.
type liveSince struct {
	n  int
	at time.Time
}

// Summary is what all looks together showed.
type Summary struct {
	Looks int `json:"looks"`
	// SecondsWatched is from the first look to the last.
	SecondsWatched float64 `json:"seconds_watched"`
	// Peak is the largest number seen of each state.
	Peak map[string]int `json:"peak"`
	// Alarms counts how often a threshold was crossed.
	Alarms int `json:"alarms"`
}

// NewTracker raises these alarms.
func NewTracker(alarms []Alarm) *Tracker {
	return &Tracker{
		alarms: alarms, raised: make([]bool, len(alarms)),
		summary: Summary{Peak: make(map[string]int)},
	}
}

// Summary of the reports so far.
func (t *Tracker) Summary() Summary { return t.summary }

// Report is what the sample, taken at the time now, says after those before it.
// interval is the time between looks, over which rates are taken at the first.
func (t *Tracker) Report(now time.Time, interval time.Duration, s *Sample) *Report {
	r := &Report{Time: now, States: make(map[string]Count), Destinations: []Destination{}, CloseWait: []Holder{}, Alarms: []Raised{}}
	if t.last != nil {
		interval = now.Sub(t.last.Time)
		t.summary.SecondsWatched += interval.Seconds()
	}
	t.count(r, interval, s)
	t.forecast(r, interval, s)
	r.CloseWait = append(r.CloseWait, t.holders(now, s)...)
	if t.baseline != nil {
		t.baseline.compare(now, t.target, r.CloseWait)
		t.baseline.seen[t.target] = t.held
	}
	t.alarm(r, s)
	t.summary.Looks++
	t.last = r
	return r
}

func (t *Tracker) count(r *Report, interval time.Duration, s *Sample) {
	for _, state := range sockstat.States() {
		c := Count{N: s.States[state]}
		before := 0
		if t.last != nil {
			before = t.last.States[state].N
			c.PerSecond = perSecond(float64(c.N-before), interval)
		}
		if c.N > 0 || before > 0 {
			r.States[state] = c
		}
		if c.N > t.summary.Peak[state] {
			t.summary.Peak[state] = c.N
		}
	}
}

func perSecond(n float64, over time.Duration) float64 {
	if over <= 0 {
		return 0
	}
	return n / over.Seconds()
}

// forecast fills in the destinations. TIME_WAIT has its rate from the ages of
// what is there; live connections have theirs from how many more there are than
// when the destination was first seen, since from one look to the next they go
// up and down.
func (t *Tracker) forecast(r *Report, interval time.Duration, s *Sample) {
	live := make(map[route]liveSince)
	for i := range s.Destinations {
		d := &s.Destinations[i]
		key := route{d.Local, d.Remote}
		first, seen := t.live[key]
		if !seen {
			first = liveSince{d.Live, r.Time}
		}
		live[key] = first
		growth := 0.0
		if more := float64(d.Live - first.n); more > 3*math.Sqrt(float64(d.Live+1)) {
			growth = perSecond(more, r.Time.Sub(first.at)) // beyond chance
		}
		r.Destinations = append(r.Destinations, destination(d, d.Rate(interval), growth))
	}
	t.live = live
}

func destination(d *sockstat.Destination, rate, growth float64) Destination {
	o := d.Forecast(rate, growth)
	out := Destination{
		Local: d.Local, Remote: d.Remote, Ports: d.Ports, Taken: d.Taken(), Left: d.Left(),
		TimeWait: d.TimeWait, PerSecond: rate, LivePerSecond: growth, SettlesAt: o.Settles,
	}
	if o.RunsOut {
		ms := o.In.Milliseconds()
		out.RunsOutMS = &ms
	}
	return out
}

// alarm holds the sample against the thresholds.
func (t *Tracker) alarm(r *Report, s *Sample) {
	for i := range t.alarms {
		a := &t.alarms[i]
		n, raised := a.check(s)
		if raised {
			r.Alarms = append(r.Alarms, Raised{What: a.What, Count: n, Limit: a.Limit, New: !t.raised[i]})
		}
		if raised && !t.raised[i] {
			t.summary.Alarms++
		}
		t.raised[i] = raised
	}
}

// holders groups the connections in CLOSE_WAIT by owner, most first.
func (t *Tracker) holders(now time.Time, s *Sample) []Holder {
	held := make(map[string]time.Time)
	byOwner := make(map[Owner]*Holder)
	for _, c := range s.CloseWait {
		since, seen := t.held[c.ID]
		if !seen {
			since = now
		}
		held[c.ID] = since
		h := byOwner[c.Owner]
		if h == nil {
			h = &Holder{Owner: c.Owner.String(), Process: c.Name, PID: c.PID}
			byOwner[c.Owner] = h
		}
		h.add(max(now.Sub(since), 0))
	}
	t.held = held
	var list []Holder
	for _, h := range byOwner {
		list = append(list, *h)
	}
	slices.SortFunc(list, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Owner, b.Owner))
	})
	return list
}
