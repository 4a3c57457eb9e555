package explain

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"lastack/harness/teardown"
)

// Finding is one thing that a person can act on.
type Finding struct {
	// Kind names the sort of finding; the names do not change.
	Kind FindingKind `json:"kind"`
	// Text is what was seen, with numbers, and what to do.
	Text string `json:"text"`
	// Host is whom it is about, "ip:port" or an address.
	Host string `json:"host"`
	// Connections is how many show it, and Example is one of them.
	Connections int `json:"connections"`
	Example     int `json:"example"`
	// Also are others that show the same, the largest first.
	Also []Also `json:"also,omitempty"`
}

// Also is another host that shows what a Finding is about.
type Also struct {
	Host        string `json:"host"`
	Connections int    `json:"connections"`
	Example     int    `json:"example"`
}

// FindingKind is a sort of finding.
type FindingKind string

// The sorts, the most important first.
const (
	FindExhaustion  FindingKind = "port-exhaustion"
	FindCloseWait   FindingKind = "close-wait-leak"
	FindUnreachable FindingKind = "icmp-unreachable"
	FindPathMTU     FindingKind = "path-mtu"
	FindSYN         FindingKind = "syn-unanswered"
	FindRace        FindingKind = "keep-alive-race"
	FindIdle        FindingKind = "idle-timeout"
	FindMiddlebox   FindingKind = "middlebox"
	FindKeepAlive   FindingKind = "keep-alive-timeout"
	FindUser        FindingKind = "user-timeout"
	FindGaveUp      FindingKind = "client-gave-up"
	FindHalfOpen    FindingKind = "half-open"
	FindHit         FindingKind = "time-wait-hit"
	FindLate        FindingKind = "data-after-close"
	FindForgotten   FindingKind = "fin-wait-2-expired"
	FindLost        FindingKind = "fin-or-ack-lost"
	FindUnanswered  FindingKind = "fin-unanswered"
	FindAborts      FindingKind = "aborts"
	FindRefused     FindingKind = "refused"
	FindWhoCloses   FindingKind = "who-closes-first"
)

// maxFindings is how many people read.
const maxFindings = 10

// The bounds of what findings are made of.
const (
	maxHosts = 4096
	maxPairs = 8192
)

// findings collects what the Findings are made of.
type findings struct {
	servers tally[netip.AddrPort, host]
	leaks   tally[netip.AddrPort, leak] // by who is in CLOSE_WAIT; clients without port
	pairs   tally[pair, holder]         // of client and server

	ports PortRange // as given; the zero PortRange otherwise
	sets  int       // of ports in pairs

	gaps     *gaps
	oneSided bool // the capture is: nothing is found about what is missing
}

// host is what one server, and the clients that go there, did.
type host struct {
	causes   [nCauses]cases
	aborts   [2]int // of client and server
	again    cases  // connections with a FIN sent more than once
	lost     [3]int
	waiting  cases         // FINs that nobody acknowledged
	syns     cases         // SYNs that nobody answered
	syn      int           // how many in all
	tried    time.Duration // the longest that one went on
	met      int           // of syns: the older connection on the same ports may have been in the way
	answered int           // connections on which the server sent anything
	timed    cases         // TIME_WAIT left at the server
	first    time.Time     // the first and the last close of these
	last     time.Time
	idle     histogram         // before keep-alive races
	asleep   histogram         // before what met a half-open connection
	limit    histogram         // before idle time-outs
	limits   [2]int            // of client and server
	early    [2]int            // which of them had closed before data came
	icmp     *[nICMP]icmpCases // nil for most
	closed   histogram         // how long after the latest data
	due      histogram         // how long clients waited that gave up
}

// cases are a number of connections, one of them, and when they ended.
type cases struct {
	n, example int
	when       *moments
}

func (c *cases) add(e *ended) {
	if c.n++; c.n == 1 {
		c.example, c.when = e.conn.Number(), &moments{gaps: e.gaps}
	}
	c.when.add(e.report.Start.Add(e.duration()))
}

// The causes of resets that findings are about.
const (
	byRace = iota
	byHalfOpen
	byHit
	byLateData
	byForgotten
	byAbort
	byRefusal
	byIdle
	byMiddlebox
	byKeepAlive
	byUser
	byGaveUp
	nCauses
)

func causeIndex(e *ended) int {
	d := &e.detail
	if d.Harmless {
		return -1
	}
	switch e.report.Cause {
	case teardown.CauseRace:
		return byRace
	case teardown.CauseStateGone:
		if micros(d.IdleUS) >= QuietAfter {
			return byHalfOpen
		}
	case teardown.CauseTimeWaitHit:
		return byHit
	case teardown.CauseDataAfterClose:
		if d.StaleRequest && micros(d.IdleUS) >= StaleAfter {
			return byRace // the same, but later
		}
		return byLateData
	case teardown.CauseFinWait2:
		return byForgotten
	case teardown.CauseAbort:
		return byAbort
	case teardown.CauseRefused:
		return byRefusal
	case teardown.CauseIdle:
		return byIdle
	case teardown.CauseMiddlebox:
		return byMiddlebox
	case teardown.CauseKeepAlive:
		return byKeepAlive
	case teardown.CauseUser:
		return byUser
	case teardown.CauseGaveUp:
		return byGaveUp
	}
	return -1
}

// pair is a client's address and where it goes.
type pair struct {
	client netip.Addr
	server netip.AddrPort
}

// holder is what a client holds in TIME_WAIT toward one destination.
type holder struct {
	held        int
	example     int
	first, last time.Time
	use         portUse
}

// leak is what was left in CLOSE_WAIT.
type leak struct {
	example int
	old     int // silent for LeakAfter
	oldest  time.Duration
	server  bool // the leaking side is the server
}

func newFindings() findings {
	return findings{
		servers: newTally[netip.AddrPort, host](maxHosts),
		leaks:   newTally[netip.AddrPort, leak](maxHosts),
		pairs:   newTally[pair, holder](maxPairs),
	}
}

func (f *findings) add(e *ended) {
	s := f.servers.count(e.server)
	s.v.add(e)
	// Where the capture lost something it may have lost the second FIN.
	if e.detail.CloseWait != teardown.None && e.detail.MissingBytes == 0 && e.detail.OneSided == teardown.None {
		f.addLeak(e)
	}
	if e.report.TimeWait == teardown.Client || e.report.TimeWait == teardown.Both {
		p := f.pairs.count(pair{e.client.Addr(), e.server})
		end := e.report.Start.Add(e.duration())
		if p.v.held++; p.v.held == 1 {
			p.v.example, p.v.first, p.v.last = e.conn.Number(), end, end
		}
		p.v.first, p.v.last = earlier(p.v.first, end), later(p.v.last, end)
		fresh := p.v.use.set == nil
		p.v.use.add(e.client.Port(), f.sets < maxPortSets)
		if fresh && p.v.use.set != nil {
			f.sets++
		}
	}
}

func (f *findings) addLeak(e *ended) {
	who := e.server
	if e.detail.CloseWait == teardown.Client {
		who = netip.AddrPortFrom(e.client.Addr(), 0)
	}
	l := f.leaks.count(who)
	l.v.server = e.detail.CloseWait == teardown.Server
	if micros(e.detail.SilentUS) >= LeakAfter {
		l.v.old++
	}
	if age := micros(e.detail.LeftOpenUS); l.n == 1 || age > l.v.oldest {
		l.v.example, l.v.oldest = e.conn.Number(), age
	}
}

func (h *host) add(e *ended) {
	if i := causeIndex(e); i >= 0 {
		h.causes[i].add(e)
		h.addCause(i, e)
	}
	if e.report.ServerSegments > 0 {
		h.answered++
	}
	h.addICMP(e)
	h.addSYN(e)
	if e.detail.OneSided == teardown.None {
		h.addFINs(e)
	}
	if e.report.TimeWait == teardown.Server {
		end := e.report.Start.Add(e.duration())
		if h.timed.add(e); h.timed.n == 1 {
			h.first, h.last = end, end
		}
		h.first, h.last = earlier(h.first, end), later(h.last, end)
	}
}

func (h *host) addCause(i int, e *ended) {
	side := 0
	if e.report.ResetBy == teardown.Server {
		side = 1
	}
	switch i {
	case byRace:
		h.idle.add(micros(e.detail.IdleUS))
	case byHalfOpen:
		h.asleep.add(micros(e.detail.IdleUS))
	case byLateData:
		h.early[side]++
		h.closed.add(micros(e.detail.IdleUS))
	case byIdle:
		h.limit.add(e.quiet)
		h.limits[side]++
	case byGaveUp:
		h.due.add(micros(e.detail.IdleUS))
	case byAbort:
		h.aborts[side]++
	}
}

// addSYN counts a SYN that nobody answered although there was time to.
func (h *host) addSYN(e *ended) {
	if e.report.Close != teardown.Open || e.detail.SYNs == 0 || e.report.ServerSegments > 0 ||
		e.fatal != nil || e.detail.OneSided != teardown.None || micros(e.detail.UnansweredUS) < answerBy(e.detail.SYNs) {
		return
	}
	h.syns.add(e)
	h.syn += e.detail.SYNs
	h.tried = max(h.tried, micros(e.detail.UnansweredUS))
	if r := e.detail.Reuses; r != nil && r.TimeWait != teardown.None && r.By == teardown.ReuseByNothing {
		h.met++
	}
}

// answerBy is how long a SYN has to wait to be unanswered: as long as until it is sent
// again (RFC 6298 2.1), or longer where that is not seen.
func answerBy(syns int) time.Duration {
	if syns > 1 {
		return AgainAfter
	}
	return AnswerWithin
}

func (h *host) addFINs(e *ended) {
	if e.report.Close == teardown.Unanswered && e.report.FINRetransmissions > 0 {
		h.waiting.add(e)
	} else if e.report.FINRetransmissions > 0 {
		h.again.add(e)
		h.lost[lostIndex(e.detail.FINsAgain)]++
	}
}

// lostIndex is 0 for a lost FIN, 1 for a lost ACK, 2 for either.
func lostIndex(again []teardown.FINAgain) int {
	i := -1
	for _, f := range again {
		k := slices.Index([]teardown.Lost{teardown.LostFIN, teardown.LostACK}, f.Lost)
		if k < 0 || i >= 0 && i != k {
			return 2
		}
		i = k
	}
	return i
}

// lost reports whether there were more hosts than findings keep.
func (f *findings) lost() bool { return f.servers.lost || f.leaks.lost || f.pairs.lost }

// list makes the findings: one of each sort, about the host that shows it most.
func (f *findings) list() []Finding {
	byKind := map[FindingKind][]Finding{}
	for _, all := range [][]Finding{f.exhaustion(), f.closeWait(), f.byServer()} {
		for _, found := range all {
			byKind[found.Kind] = append(byKind[found.Kind], found)
		}
	}
	out := []Finding{}
	for _, k := range findingKinds {
		if f.oneSided && aboutMissing[k] {
			continue
		}
		if all := byKind[k]; len(all) > 0 && len(out) < maxFindings {
			out = append(out, merge(all))
		}
	}
	return out
}

// aboutMissing are findings about what somebody did not send.
var aboutMissing = map[FindingKind]bool{
	FindCloseWait: true, FindUnreachable: true, FindPathMTU: true, FindSYN: true, FindUnanswered: true, FindLost: true, FindKeepAlive: true, FindUser: true,
}

// merge makes one finding of those of one sort.
func merge(all []Finding) Finding {
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Connections, a.Connections), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Example, b.Example))
	})
	first, rest := all[0], all[1:]
	var names []string
	for i, f := range rest {
		first.Also = append(first.Also, Also{f.Host, f.Connections, f.Example})
		if i < named {
			names = append(names, fmt.Sprintf("%s (%s)", f.Host, number(f.Connections)))
		}
	}
	if more := len(rest) - named; more > 0 {
		names = append(names, number(more)+" more")
	}
	if len(names) > 0 {
		first.Text += " Likewise " + strings.Join(names, ", ") + "."
	}
	return first
}

// named is how many more hosts a sentence names.
const named = 3

// findingKinds are the sorts, the most important first.
var findingKinds = []FindingKind{
	FindExhaustion, FindCloseWait, FindUnreachable, FindPathMTU, FindSYN, FindRace, FindIdle, FindMiddlebox, FindKeepAlive,
	FindUser, FindGaveUp, FindHalfOpen, FindHit, FindLate, FindForgotten, FindLost,
	FindUnanswered, FindAborts, FindRefused, FindWhoCloses,
}
