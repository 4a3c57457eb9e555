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
	// Connections is their number, and Example the one that took longest.
	Connections int `json:"connections"`
	Example     int `json:"example"`
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
	Group
	longest                       time.Duration
	duration, ackDelay, halfClose histogram
}

type groups struct {
	all        map[groupKey]*group
	overflowed int // connections counted as of other servers
}

func newGroups() groups { return groups{all: map[groupKey]*group{}} }

// of is the group of a connection.
func (g *groups) of(e *ended) *group {
	key := groupKey{e.server, e.report.Close}
	c := g.all[key]
	if c == nil && len(g.all) >= maxGroups {
		key.server = netip.AddrPort{}
		g.overflowed++
		c = g.all[key]
	}
	if c == nil {
		c = &group{longest: -1}
		c.Server, c.Close = "other servers", key.close
		if key.server.IsValid() {
			c.Server = key.server.String()
		}
		g.all[key] = c
	}
	return c
}

func (g *groups) add(e *ended) {
	c, r, d := g.of(e), &e.report, &e.detail
	c.Connections++
	if e.duration() > c.longest {
		c.longest, c.Example = e.duration(), e.conn.Number()
	}
	tick(r.ActiveCloser, &c.ClientFirst, &c.ServerFirst)
	tick(r.TimeWait, &c.ClientTimeWait, &c.ServerTimeWait)
	c.FINRetransmissions += r.FINRetransmissions
	if d.ResetCause != "" {
		if c.ResetCauses == nil {
			c.ResetCauses = map[teardown.ResetCause]int{}
		}
		c.ResetCauses[d.ResetCause]++
	}
	c.duration.add(e.duration())
	c.ackDelay.add(micros(r.AckDelayUS))
	c.halfClose.add(micros(d.HalfCloseUS))
}

// tick counts for the sides that who names.
func tick(who teardown.Who, client, server *int) {
	if who == teardown.Client || who == teardown.Both {
		*client++
	}
	if who == teardown.Server || who == teardown.Both {
		*server++
	}
}

// list is every group, the worst kinds first and in each the largest.
func (g *groups) list() []Group {
	order := map[teardown.Kind]int{}
	for i, k := range Kinds() {
		order[k] = i
	}
	out := make([]Group, 0, len(g.all))
	for _, c := range g.all {
		c.Duration, c.AckDelay, c.HalfClose = c.duration.percentiles(), c.ackDelay.percentiles(), c.halfClose.percentiles()
		out = append(out, c.Group)
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
