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
	of map[silenceKey]map[int]silence // by length, in buckets of quietBits
	n  int                            // buckets in all
}

// silenceKey is who sent the RSTs: a side of connections to a server, or, with the zero
// server, anybody, where a device on the path does so for all.
type silenceKey struct {
	server netip.AddrPort
	by     teardown.Who
}

// silence is a number of connections that had been silent for as good as one time.
type silence struct {
	least, most time.Duration
	first, last time.Time // when the RSTs came
	still       int       // of n, in which that silence, of the RST's sender, was all but the whole life
	n           int
}

func (s *silence) add(o silence) {
	if s.n == 0 {
		*s = o
		return
	}
	s.n += o.n
	s.still += o.still
	s.least, s.most = min(s.least, o.least), max(s.most, o.most)
	s.first, s.last = earlier(s.first, o.first), later(s.last, o.last)
}

// apart reports whether the RSTs came at times that differ more than the silences do:
// one event, such as the end of a process, ends all connections at once.
func (s *silence) apart() bool { return s.last.Sub(s.first) > 2*(s.most-s.least)+alikeTick }

// lifetime reports whether the connections are as old as they were silent, and ended by
// the side whose turn it was: a limit on how long they may last, or an exchange on them,
// explains that as well as one on silence does.
func (s *silence) lifetime() bool { return 10*s.still >= 9*s.n }

// still reports that of one connection.
func (k *fact) still() bool {
	return k.OwnTurn && (k.duration()-k.quiet())*alikeWithin <= k.quiet()
}

// The bounds of what is alike.
const (
	alike       = 3  // so many connections at one server, and thrice as many at all
	alikeShare  = 2  // one in so many of those that a RST met in silence
	alikeWithin = 20 // a share of the time, 5%
	alikeTick   = 100 * time.Millisecond
	quietBits   = 7      // buckets are less than 1% wide
	maxSilences = 65_536 // buckets of all keys
)

func (k *fact) silenceKeys() [2]silenceKey {
	return [2]silenceKey{{k.Server, k.ResetBy}, {netip.AddrPort{}, ""}}
}

// add counts a connection that a RST met in silence.
func (s *silences) add(k *fact) {
	if s.of == nil {
		s.of = map[silenceKey]map[int]silence{}
	}
	b, one := bucket(uint64(k.QuietUS), quietBits), silence{least: k.quiet(), most: k.quiet(), first: k.end(), last: k.end(), n: 1}
	if k.still() {
		one.still = 1
	}
	for _, key := range k.silenceKeys() {
		all := s.of[key]
		o, known := all[b]
		if !known {
			if s.n >= maxSilences {
				continue
			}
			s.n++
		}
		if all == nil {
			all = map[int]silence{}
			s.of[key] = all
		}
		o.add(one)
		all[b] = o
	}
}

// alike reports how many connections show the limit that ended one; 0 if it was none that
// many share.
func (s *silences) alike(k *fact) int {
	off := uint64(k.QuietUS) / alikeWithin
	low, high := bucket(uint64(k.QuietUS)-off, quietBits), bucket(uint64(k.QuietUS)+off, quietBits)
	for i, key := range k.silenceKeys() {
		sum, least := 0, alike
		if i > 0 {
			least *= 3
		}
		var near silence
		for b, o := range s.of[key] {
			if sum += o.n; low <= b && b <= high {
				near.add(o)
			}
		}
		if near.n >= least && near.n*alikeShare >= sum && near.apart() && !near.lifetime() {
			return near.n
		}
	}
	return 0
}

// limit finds out whether a silence was ended by a limit, and how many share it.
func (k *fact) limit(s *silences) int {
	if !k.Silence {
		return 0
	}
	n := s.alike(k)
	if n > 0 {
		k.Cause, k.ResetCause = teardown.CauseIdle, teardown.ResetIdle
	}
	return n
}

// idleLimit does so by what was seen so far, and says so in the connection's verdict.
func (a *Analysis) idleLimit(e *ended) {
	if _, silent := e.conn.Silence(); !silent {
		return
	}
	k := e.fact()
	e.quiet = k.quiet()
	if e.alike = k.limit(&a.silences); e.alike > 0 {
		e.report.Cause, e.detail.ResetCause = k.Cause, k.ResetCause
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
