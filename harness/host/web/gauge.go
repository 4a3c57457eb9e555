package web

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"lastack/harness/lab"
	"lastack/stack"
	"lastack/stack/tunable"
)

// Gauge is the host in numbers.
type Gauge struct {
	Started int            `json:"started"`
	Closes  int            `json:"closes"`
	Flows   int            `json:"flows"`
	States  map[string]int `json:"states"`
	// TimeWait is that of the host, and, where the kernel was asked, of the kernel.
	TimeWait []TimeWait `json:"time_wait"`
	// UptimeMS is since the host began.
	UptimeMS int64 `json:"uptime_ms"`
	// DelayedACKMS is for how long an ACK is held back at most.
	DelayedACKMS int64 `json:"delayed_ack_ms"`
	// NowMS is when it was measured, in milliseconds since 1970.
	NowMS int64 `json:"now_ms"`
}

// TimeWait is what one side has in that state.
type TimeWait struct {
	Side  string `json:"side"` // "host" or "kernel"
	Count int    `json:"count"`
	// Limit is past how many there are none any more; 0 is not known.
	Limit int64 `json:"limit,omitempty"`
	// Ports are how many local ports they hold, of how many; of the busiest destination.
	Ports    int `json:"ports"`
	PortsMax int `json:"ports_max,omitempty"`
	// LifeMS is how long the state lasts; Left counts connections by what is left of that, in
	// 30ths. NextMS and LastMS are until the first and the last of them end.
	LifeMS int64       `json:"life_ms"`
	Left   [steps]int  `json:"left"`
	NextMS int64       `json:"next_ms"`
	LastMS int64       `json:"last_ms"`
	Most   []Remaining `json:"connections"`
}

// Remaining is one connection in TIME_WAIT.
type Remaining struct {
	Local  string `json:"local"`
	Remote string `json:"remote"`
	LeftMS int64  `json:"left_ms"`
}

const (
	steps = 30
	// maxRemaining is how many connections are named; the youngest of those looked at.
	maxRemaining = 32
	// kernelLife is TCP_TIMEWAIT_LEN, which no sysctl changes.
	kernelLife = time.Minute
	// gaugeAge is for how long numbers are good: kernels and hosts with many sockets
	// are not asked for each page.
	gaugeAge = 900 * time.Millisecond
)

// gauge measures at most once for gaugeAge, whoever asks.
type gauge struct {
	mu   sync.Mutex
	read func() Gauge
	last Gauge
	at   time.Time
}

func (g *gauge) get() Gauge {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(g.at) > gaugeAge {
		g.last, g.at = g.read(), now
		g.last.NowMS = now.UnixMilli()
	}
	return g.last
}

// measure asks the host and the kernel.
func (s *site) measure() Gauge {
	info := s.Control.Info()
	g := Gauge{Flows: info.Flows, UptimeMS: info.UptimeMS, States: map[string]int{}}
	g.Started, g.Closes = s.Board.Counts()
	g.DelayedACKMS = s.Control.Tunables.Millis(tunable.DelayedACKms).Milliseconds()
	if s.Control.Sockets != nil {
		g.States = s.Control.Sockets.SocketCounts().States
		set := s.Control.Tunables
		lo, hi := set.Ports(tunable.PortRange)
		t := tally{TimeWait: TimeWait{
			Side: "host", Limit: set.Int(tunable.MaxTWBuckets), PortsMax: int(hi) - int(lo) + 1,
			LifeMS: 2 * set.Millis(tunable.MSLms).Milliseconds(),
		}}
		s.Control.Sockets.EachSocket(func(k *stack.Socket) bool {
			if k.State == "TIME_WAIT" {
				t.add(k.Local, k.Remote, k.TimerLeft)
			}
			return true
		})
		g.TimeWait = append(g.TimeWait, t.done())
	}
	if s.Kernel != nil {
		if list, err := s.Kernel(); err == nil { // a kernel that does not tell is left out
			g.TimeWait = append(g.TimeWait, kernelTimeWait(list))
		}
	}
	return g
}

func kernelTimeWait(list []lab.Socket) TimeWait {
	t := tally{TimeWait: TimeWait{Side: "kernel", LifeMS: kernelLife.Milliseconds()}}
	for i := range list {
		if k := &list[i]; k.State == "TIME_WAIT" {
			t.add(k.Local, k.Remote, k.TimerLeft())
		}
	}
	return t.done()
}

// tally counts connections in TIME_WAIT.
type tally struct {
	TimeWait
	ports map[netip.AddrPort]int // by destination
}

// maxDestinations bounds the tally: past it, ports are counted for those already there.
const maxDestinations = 1024

func (t *tally) add(local, remote netip.AddrPort, left time.Duration) {
	if t.ports == nil {
		t.ports = map[netip.AddrPort]int{}
	}
	if _, ok := t.ports[remote]; ok || len(t.ports) < maxDestinations {
		t.ports[remote]++
		t.Ports = max(t.Ports, t.ports[remote])
	}
	ms := left.Milliseconds()
	if t.Count == 0 {
		t.NextMS = ms
	}
	t.Count++
	t.NextMS, t.LastMS = min(t.NextMS, ms), max(t.LastMS, ms)
	t.Left[min(max(ms*steps/max(t.LifeMS, 1), 0), steps-1)]++
	if len(t.Most) < maxRemaining {
		t.Most = append(t.Most, Remaining{local.String(), remote.String(), ms})
	}
}

func (t *tally) done() TimeWait {
	if t.Most == nil {
		t.Most = []Remaining{}
	}
	slices.SortFunc(t.Most, func(a, b Remaining) int { return int(b.LeftMS - a.LeftMS) })
	return t.TimeWait
}
