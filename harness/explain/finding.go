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
	// Connections is how many show it, and Example is one of them: its number in the
	// capture that it was read from, of which ExampleOf are the files where that is one of
	// several that were merged. ExampleID names it for --ladder wherever it is read.
	Connections int      `json:"connections"`
	Example     int      `json:"example"`
	ExampleID   string   `json:"example_id"`
	ExampleOf   []string `json:"example_of,omitempty"`
	// Also are others that show the same, the largest first.
	Also []Also `json:"also,omitempty"`

	example *Example
	variant string   // of what the text says beside its numbers, where hosts differ
	when    *moments // these connections ended; nil where that says nothing
}

// Also is another host that shows what a Finding is about.
type Also struct {
	Host        string   `json:"host"`
	Connections int      `json:"connections"`
	Example     int      `json:"example"`
	ExampleID   string   `json:"example_id"`
	ExampleOf   []string `json:"example_of,omitempty"`
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

	sets    int  // of ports in pairs
	setLost bool // one more was needed
}

// host is what one server, and the clients that go there, did.
type host struct {
	Causes   [nCauses]cases `json:"causes"`
	Aborts   [2]int         `json:"aborts"` // of client and server
	Unread   int            `json:"unread"` // of Aborts: there may have been data to read
	Again    cases          `json:"again"`  // connections with a FIN sent more than once
	Lost     [3]int         `json:"lost"`
	Waiting  cases          `json:"waiting"`  // FINs that nobody acknowledged
	SYNs     cases          `json:"syns"`     // SYNs that nobody answered
	SYN      int            `json:"syn"`      // how many in all
	Tried    time.Duration  `json:"tried"`    // the longest that one went on
	Met      int            `json:"met"`      // of SYNs: the older connection on the same ports may have been in the way
	Answered int            `json:"answered"` // connections on which the server sent anything
	Served   int            `json:"served"`   // of them: a SYN-ACK or data
	Timed    cases          `json:"timed"`    // TIME_WAIT left at the server
	Idle     histogram      `json:"idle"`     // before keep-alive races
	Asleep   histogram      `json:"asleep"`   // before what met a half-open connection, and was sent once
	Limit    histogram      `json:"limit"`    // before idle time-outs
	Limits   [2]int         `json:"limits"`   // of client and server
	Early    [2]int         `json:"early"`    // which of them had closed before data came
	Closed   histogram      `json:"closed"`   // how long after the latest data
	Due      histogram      `json:"due"`      // how long clients waited that gave up

	ICMP *[nICMP]icmpCases `json:"icmp,omitempty"` // nil for most
}

// cases are a number of connections, one of them, and when they ended.
type cases struct {
	N       int      `json:"n"`
	Example *Example `json:"example,omitempty"`
	When    *moments `json:"when,omitempty"`
}

func (c *cases) add(k *fact) {
	if c.N++; c.N == 1 {
		c.When = &moments{}
	}
	c.Example = c.Example.orOf(k)
	c.When.add(k.end())
}

// by names the example of a finding.
func (f *Finding) by(e *Example) {
	f.Example, f.ExampleID, f.ExampleOf, f.example = e.N, e.String(), e.files(), e
}

// pair is a client's address and where it goes.
type pair struct {
	client netip.Addr
	server netip.AddrPort
}

// holder is what a client holds in TIME_WAIT toward one destination.
type holder struct {
	Example *Example  `json:"example"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Use     portUse   `json:"use"`
}

// leak is what was left in CLOSE_WAIT.
type leak struct {
	Example *Example      `json:"example"`
	Old     int           `json:"old"` // silent for LeakAfter
	Oldest  time.Duration `json:"oldest"`
	Server  bool          `json:"server"` // the leaking side is the server
}

func newFindings() findings {
	return findings{
		servers: newTally[netip.AddrPort, host](maxHosts),
		leaks:   newTally[netip.AddrPort, leak](maxHosts),
		pairs:   newTally[pair, holder](maxPairs),
	}
}

func (f *findings) add(k *fact) {
	s := f.servers.count(k.Server)
	s.v.add(k)
	// Where the capture lost something it may have lost the second FIN.
	if k.CloseWait != teardown.None && !k.Missing && k.OneSided == teardown.None {
		f.addLeak(k)
	}
	if k.TimeWait == teardown.Client || k.TimeWait == teardown.Both {
		p := f.pairs.count(pair{k.Client.Addr(), k.Server})
		p.v.see(p.v.Example.orOf(k), k.end(), k.end())
		f.use(&p.v.Use, func(keep bool) bool { return p.v.Use.add(k.Client.Port(), k.Start, keep) })
	}
}

func (h *holder) see(e *Example, first, last time.Time) {
	if h.Example == nil {
		h.First, h.Last = first, last
	}
	h.Example, h.First, h.Last = h.Example.first(e), earlier(h.First, first), later(h.Last, last)
}

// use adds to what is noted of ports, and counts the sets.
func (f *findings) use(u *portUse, add func(keep bool) bool) {
	fresh := u.Set == nil
	if !add(f.sets < maxPortSets) {
		f.setLost = true
	}
	if fresh && u.Set != nil {
		f.sets++
	}
}

func (f *findings) addLeak(k *fact) {
	who := k.Server
	if k.CloseWait == teardown.Client {
		who = netip.AddrPortFrom(k.Client.Addr(), 0)
	}
	one := leak{Example: k.example(), Oldest: micros(k.LeftOpenUS), Server: k.CloseWait == teardown.Server}
	if micros(k.SilentUS) >= LeakAfter {
		one.Old = 1
	}
	f.leaks.count(who).v.merge(&one)
}

func (h *host) add(k *fact) {
	if i := causeIndex(k); i >= 0 {
		h.Causes[i].add(k)
		h.addCause(i, k)
	}
	if k.Spoke {
		h.Answered++
	}
	if k.Served {
		h.Served++
	}
	h.addICMP(k)
	h.addSYN(k)
	if k.OneSided == teardown.None {
		h.addFINs(k)
	}
	if k.TimeWait == teardown.Server {
		h.Timed.add(k)
	}
}

func (h *host) addCause(i int, k *fact) {
	side := 0
	if k.ResetBy == teardown.Server {
		side = 1
	}
	switch i {
	case byRace:
		h.Idle.add(micros(k.IdleUS))
	case byHalfOpen:
		if !k.Repeated {
			h.Asleep.add(micros(k.IdleUS))
		}
	case byLateData:
		h.Early[side]++
		h.Closed.add(micros(k.IdleUS))
	case byIdle:
		h.Limit.add(k.quiet())
		h.Limits[side]++
	case byGaveUp:
		h.Due.add(micros(k.IdleUS))
	case byAbort:
		h.Aborts[side]++
		if k.ResetCause != teardown.ResetAbort {
			h.Unread++
		}
	}
}

// addSYN counts a SYN that nobody answered although there was time to, whether the client
// ended its attempt with a RST or not.
func (h *host) addSYN(k *fact) {
	gaveUp := k.Cause == teardown.CauseHandshake && k.ResetBy == teardown.Client
	if k.Close != teardown.Open && !gaveUp || k.SYNs == 0 || k.Spoke ||
		k.fatal() || k.OneSided != teardown.None || micros(k.UnansweredUS) < answerBy(k.SYNs) {
		return
	}
	h.SYNs.add(k)
	h.SYN += k.SYNs
	h.Tried = max(h.Tried, micros(k.UnansweredUS))
	if k.Met {
		h.Met++
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

func (h *host) addFINs(k *fact) {
	if k.Answered {
		return // late, and not lost
	}
	if k.Close == teardown.Unanswered && k.FINsAgain > 0 || k.Deserted {
		h.Waiting.add(k)
	} else if k.FINsAgain > 0 {
		h.Again.add(k)
		h.Lost[k.Lost]++
	}
}

// answered reports whether FINs were sent again, of which none, and no ACK of them, was lost.
func answered(again []teardown.FINAgain) bool {
	lost := func(f teardown.FINAgain) bool { return f.Lost != teardown.LostNothing }
	return len(again) > 0 && !slices.ContainsFunc(again, lost)
}

// deserted reports whether a FIN was sent again and again to a side that was gone.
func deserted(again []teardown.FINAgain) bool {
	return slices.ContainsFunc(again, func(f teardown.FINAgain) bool { return f.Lost == teardown.LostState })
}

// lostIndex is 0 for a lost FIN, 1 for a lost ACK, 2 for either.
func lostIndex(again []teardown.FINAgain) int {
	i := -1
	for _, f := range again {
		if f.Lost == teardown.LostNothing {
			continue
		}
		k := slices.Index([]teardown.Lost{teardown.LostFIN, teardown.LostACK}, f.Lost)
		if k < 0 || i >= 0 && i != k {
			return 2
		}
		i = k
	}
	return i
}

// lost reports whether there were more hosts than findings keep.
func (f *findings) lost() bool {
	return f.servers.lost || f.leaks.lost || f.pairs.lost || f.setLost
}

// list makes the findings: one of each sort, about the host that shows it most. Rates are
// those of the times of which there is a capture.
func (f *findings) list(ports PortRange, oneSided bool, between gaps) []Finding {
	byKind := map[FindingKind][]Finding{}
	for _, all := range [][]Finding{f.exhaustion(ports, between), f.closeWait(), f.byServer(between)} {
		for _, found := range all {
			found.Text += found.when.burst(between)
			byKind[found.Kind] = append(byKind[found.Kind], found)
		}
	}
	out := []Finding{}
	for _, k := range findingKinds {
		if oneSided && aboutMissing[k] {
			continue
		}
		if all := byKind[k]; len(all) > 0 && len(out) < maxFindings {
			out = append(out, likewise(all))
		}
	}
	return out
}

// aboutMissing are findings about what somebody did not send.
var aboutMissing = map[FindingKind]bool{
	FindCloseWait: true, FindUnreachable: true, FindPathMTU: true, FindSYN: true, FindUnanswered: true, FindLost: true, FindKeepAlive: true, FindUser: true,
}

// likewise makes one finding of those of one sort.
func likewise(all []Finding) Finding {
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Connections, a.Connections), cmp.Compare(a.Host, b.Host), a.example.compare(b.example))
	})
	first, rest := all[0], all[1:]
	var names []string
	for i, f := range rest {
		first.Also = append(first.Also, Also{f.Host, f.Connections, f.Example, f.ExampleID, f.ExampleOf})
		if i < named {
			names = append(names, fmt.Sprintf("%s (%s)", f.Host, number(f.Connections)+f.unlike(&first)))
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

// unlike names in what a Finding differs from another of its sort, whose text does not hold for it.
func (f *Finding) unlike(o *Finding) string {
	if f.variant == o.variant {
		return ""
	}
	return ", " + f.variant
}

// varied sets the variant of Findings.
func varied(all []Finding, variant string) []Finding {
	for i := range all {
		all[i].variant = variant
	}
	return all
}

// named is how many more hosts a sentence names.
const named = 3

// findingKinds are the sorts, the most important first.
var findingKinds = []FindingKind{
	FindExhaustion, FindCloseWait, FindUnreachable, FindPathMTU, FindSYN, FindRace, FindIdle, FindMiddlebox, FindKeepAlive,
	FindUser, FindGaveUp, FindHalfOpen, FindHit, FindLate, FindForgotten, FindLost,
	FindUnanswered, FindAborts, FindRefused, FindWhoCloses,
}
