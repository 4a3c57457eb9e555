package explain

import (
	"fmt"
	"net/netip"
	"time"

	"lastack/harness/teardown"
)

// silences finds limits on idle connections: RSTs that come after the same silence on
// many connections, which no application brings about by chance.
type silences struct {
	of map[silenceKey][]silence
}

// silenceKey is who sent the RSTs: a side of connections to a server, or, with the zero
// server, anybody, where a device on the path does so for all.
type silenceKey struct {
	server netip.AddrPort
	by     teardown.Who
}

// silence is a number of connections that had been silent for as good as one time.
type silence struct {
	around      time.Duration
	least, most time.Duration
	first, last time.Time // when the RSTs came
	n           int
}

func (s *silence) add(quiet time.Duration, at time.Time) {
	if s.n++; s.n == 1 {
		*s = silence{quiet, quiet, quiet, at, at, 1}
	}
	s.least, s.most = min(s.least, quiet), max(s.most, quiet)
	s.first, s.last = earlier(s.first, at), later(s.last, at)
}

// apart reports whether the RSTs came at times that differ more than the silences do:
// one event, such as the end of a process, ends all connections at once.
func (s *silence) apart() bool { return s.last.Sub(s.first) > 2*(s.most-s.least)+alikeTick }

// The bounds of what is alike.
const (
	alike       = 3  // so many connections at one server, and thrice as many at all
	alikeShare  = 2  // one in so many of those that a RST met in silence
	alikeWithin = 20 // a share of the time, 5%
	alikeTick   = 100 * time.Millisecond
	maxSilences = 16   // different ones of one key
	maxSilent   = 4096 // keys
)

func (s *silences) keys(e *ended) [2]silenceKey {
	return [2]silenceKey{{e.server, e.report.ResetBy}, {netip.AddrPort{}, ""}}
}

// add counts a connection that a RST met in silence.
func (s *silences) add(e *ended, quiet time.Duration) {
	if s.of == nil {
		s.of = map[silenceKey][]silence{}
	}
	at := e.report.Start.Add(e.duration())
	for _, k := range s.keys(e) {
		all, known := s.of[k]
		if !known && len(s.of) >= maxSilent {
			continue
		}
		i := near(all, quiet)
		switch {
		case i >= 0:
			all[i].add(quiet, at)
		case len(all) < maxSilences:
			s.of[k] = append(all, silence{})
			s.of[k][len(all)].add(quiet, at)
		}
	}
}

// near is the silence that is as good as quiet, -1 if there is none.
func near(all []silence, quiet time.Duration) int {
	for i := range all {
		if off := quiet - all[i].around; off.Abs() <= max(all[i].around/alikeWithin, 50*time.Millisecond) {
			return i
		}
	}
	return -1
}

// limit reports how many connections show the limit that ended one after a silence; 0
// if it was none that many share.
func (s *silences) limit(e *ended, quiet time.Duration) int {
	for i, k := range s.keys(e) {
		all := s.of[k]
		at := near(all, quiet)
		if at < 0 {
			continue
		}
		sum, least := 0, alike
		if i > 0 {
			least *= 3
		}
		for _, o := range all {
			sum += o.n
		}
		if n := all[at].n; n >= least && n*alikeShare >= sum && all[at].apart() {
			return n
		}
	}
	return 0
}

// idleLimit finds out whether a silence was ended by a limit, and says so in the
// connection's verdict.
func (a *Analysis) idleLimit(e *ended) {
	quiet, ok := e.conn.Silence()
	if !ok {
		return
	}
	e.quiet = quiet
	if e.alike = a.silences.limit(e, quiet); e.alike > 0 {
		e.report.Cause, e.detail.ResetCause = teardown.CauseIdle, teardown.ResetIdle
	}
}

// idleReason is the sentence of a connection that shares a limit with others.
func (e *ended) idleReason() string {
	return fmt.Sprintf("The %s reset the connection after %s of silence, with all that was sent acknowledged, as %s after as long: a limit on idle connections, its own or that of a device on the path",
		e.report.ResetBy, long(e.quiet), others(e.alike-1))
}

func others(n int) string {
	if n == 1 {
		return "it did 1 other"
	}
	return "it did " + number(n) + " others"
}
