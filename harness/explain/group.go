package explain

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"lastack/harness/teardown"
)

// Group is the connections to one server that closed in one way.
type Group struct {
	// Server is "ip:port", or "other servers" for what exceeded the bound on
	// groups.
	Server string        `json:"server"`
	Close  teardown.Kind `json:"close"`
	// Connections is their number, and Example the one that took longest, named as
	// in a Finding.
	Connections int      `json:"connections"`
	Example     int      `json:"example"`
	ExampleID   string   `json:"example_id"`
	ExampleOf   []string `json:"example_of,omitempty"`
	// Active closers and holders of TIME_WAIT.
	ClientFirst    int `json:"client_first"`
	ServerFirst    int `json:"server_first"`
	ClientTimeWait int `json:"client_time_wait"`
	ServerTimeWait int `json:"server_time_wait"`
	// FINRetransmissions and ResetCauses are sums over the group.
	FINRetransmissions int                         `json:"fin_retransmissions"`
	ResetCauses        map[teardown.ResetCause]int `json:"reset_causes,omitempty"`
	// Duration is of the connections, AckDelay that of the ACK of the first
	// FIN, HalfClose the time from the first FIN to the second; nil where
	// there is none.
	Duration  *Percentiles `json:"duration"`
	AckDelay  *Percentiles `json:"ack_delay"`
	HalfClose *Percentiles `json:"half_close"`
}

// Percentiles of a duration in microseconds, known to 3%.
type Percentiles struct {
	P50US int64 `json:"p50_us"`
	P95US int64 `json:"p95_us"`
	P99US int64 `json:"p99_us"`
	MaxUS int64 `json:"max_us"`
}

// maxGroups bounds the groups.
const maxGroups = 1024

// groupKey tells the groups apart; the zero Server is other servers.
type groupKey struct {
	server netip.AddrPort
	close  teardown.Kind
}

// group is a Group as it is counted.
type group struct {
	N          int                         `json:"n"`
	Example    *Example                    `json:"example"`
	Longest    time.Duration               `json:"longest"`
	First      [2]int                      `json:"first"`     // active closers: client, server
	TimeWait   [2]int                      `json:"time_wait"` // holders
	FINsAgain  int                         `json:"fins_again"`
	Causes     map[teardown.ResetCause]int `json:"causes,omitempty"`
	Duration   histogram                   `json:"duration"`
	AckDelay   histogram                   `json:"ack_delay"`
	HalfClosed histogram                   `json:"half_closed"`
}

type groups struct {
	all        map[groupKey]*group
	overflowed int // connections counted as of other servers
}

func newGroups() groups { return groups{all: map[groupKey]*group{}} }

// of is the group for n connections.
func (g *groups) of(key groupKey, n int) *group {
	c := g.all[key]
	if c == nil && len(g.all) >= maxGroups && key.server.IsValid() {
		key.server = netip.AddrPort{}
		g.overflowed += n
		c = g.all[key]
	}
	if c == nil {
		c = &group{Longest: -1}
		g.all[key] = c
	}
	return c
}

func (g *groups) add(k *fact) {
	c := g.of(groupKey{k.Server, k.Close}, 1)
	c.N++
	c.longest(k.duration(), k.example)
	tick(k.ActiveCloser, &c.First)
	tick(k.TimeWait, &c.TimeWait)
	c.FINsAgain += k.FINsAgain
	if k.ResetCause != "" {
		if c.Causes == nil {
			c.Causes = map[teardown.ResetCause]int{}
		}
		c.Causes[k.ResetCause]++
	}
	c.Duration.add(k.duration())
	c.AckDelay.add(micros(k.AckDelayUS))
	c.HalfClosed.add(micros(k.HalfCloseUS))
}

// longest takes an example that took longer, or as long and began earlier.
func (c *group) longest(d time.Duration, example func() *Example) {
	switch {
	case d > c.Longest:
		c.Longest, c.Example = d, example()
	case d == c.Longest:
		c.Example = c.Example.first(example())
	}
}

func (c *group) merge(o *group) {
	c.N += o.N
	c.longest(o.Longest, func() *Example { return o.Example })
	for i := range c.First {
		c.First[i] += o.First[i]
		c.TimeWait[i] += o.TimeWait[i]
	}
	c.FINsAgain += o.FINsAgain
	c.Causes = sums(c.Causes, o.Causes)
	c.Duration.merge(&o.Duration)
	c.AckDelay.merge(&o.AckDelay)
	c.HalfClosed.merge(&o.HalfClosed)
}

// group is the Group for a report.
func (c *group) group(key groupKey) Group {
	server := "other servers"
	if key.server.IsValid() {
		server = key.server.String()
	}
	return Group{
		Server: server, Close: key.close, Connections: c.N,
		Example: c.Example.N, ExampleID: c.Example.String(), ExampleOf: c.Example.files(),
		ClientFirst: c.First[0], ServerFirst: c.First[1], ClientTimeWait: c.TimeWait[0], ServerTimeWait: c.TimeWait[1],
		FINRetransmissions: c.FINsAgain, ResetCauses: c.Causes,
		Duration: c.Duration.percentiles(), AckDelay: c.AckDelay.percentiles(), HalfClose: c.HalfClosed.percentiles(),
	}
}

// sums adds what is counted in o to into, which is made if need be.
func sums[K comparable](into, o map[K]int) map[K]int {
	if into == nil && len(o) > 0 {
		into = map[K]int{}
	}
	for k, n := range o {
		into[k] += n
	}
	return into
}

// tick counts for the sides that who names.
func tick(who teardown.Who, of *[2]int) {
	if who == teardown.Client || who == teardown.Both {
		of[0]++
	}
	if who == teardown.Server || who == teardown.Both {
		of[1]++
	}
}

// list is every group, the worst kinds first and in each the largest.
func (g *groups) list() []Group {
	order := map[teardown.Kind]int{}
	for i, k := range Kinds() {
		order[k] = i
	}
	out := make([]Group, 0, len(g.all))
	for key, c := range g.all {
		out = append(out, c.group(key))
	}
	slices.SortFunc(out, func(a, b Group) int {
		return cmp.Or(
			cmp.Compare(order[a.Close], order[b.Close]),
			cmp.Compare(b.Connections, a.Connections),
			cmp.Compare(a.Server, b.Server),
		)
	})
	return out
}

func (h *histogram) percentiles() *Percentiles {
	p50, ok := h.percentile(50)
	if !ok {
		return nil
	}
	p95, _ := h.percentile(95)
	p99, _ := h.percentile(99)
	return &Percentiles{p50.Microseconds(), p95.Microseconds(), p99.Microseconds(), h.max.Microseconds()}
}
