package impair

import (
	"fmt"
	"strconv"
	"time"
)

// Action is what a rule does to a segment.
type Action uint8

const (
	// Drop loses the segment.
	Drop Action = iota
	// Delay keeps it for Rule.Delay.
	Delay
	// Duplicate makes it arrive twice.
	Duplicate
	// Reorder lets one later segment of its connection and direction pass
	// first, or gives up on that after 50 ms.
	Reorder
	// Corrupt flips a bit, so that the TCP checksum is wrong.
	Corrupt
)

var actions = [...]string{"drop", "delay", "duplicate", "reorder", "corrupt"}

// String is the action as a rule has it: "drop".
func (a Action) String() string { return actions[a] }

// Kind is the sort of segment that a rule is about.
type Kind uint8

// The kinds; see the package's documentation.
const (
	Any Kind = iota
	SYN
	SYNACK
	FIN
	RST
	Data
	PureACK
	ACKOfFIN
	PureACKOfFIN
)

// kinds are the names in two parts; the plural's s stands between them.
var kinds = [...][2]string{
	{"segment", ""}, {"SYN", ""}, {"SYN+ACK", ""}, {"FIN", ""}, {"RST", ""},
	{"segment", " with data"}, {"pure ACK", ""}, {"ACK", " of a FIN"}, {"pure ACK", " of a FIN"},
}

// String is the kind in the singular: "pure ACK of a FIN".
func (k Kind) String() string { return kinds[k][0] + kinds[k][1] }

func (k Kind) plural() string { return kinds[k][0] + "s" + kinds[k][1] }

// From is the sender of the segments that a rule is about.
type From uint8

// Host is the userspace side, Peer the other.
const (
	Either From = iota
	Host
	Peer
)

var senders = [...]string{"either", "host", "peer"}

// String is "either", "host" or "peer".
func (f From) String() string { return senders[f] }

// Picks is how a rule picks among the segments that are of its kind.
type Picks uint8

const (
	// Every picks all of them.
	Every Picks = iota
	// Nth picks the one with the number Rule.N, counted from 1.
	Nth
	// FirstN picks the first Rule.N.
	FirstN
	// EveryNth picks each whose number Rule.N divides.
	EveryNth
	// Percent picks Rule.Percent of them, at random.
	Percent
)

// Rule is one impairment. The zero value drops every segment.
type Rule struct {
	Action Action
	// Delay is for how long, with the action Delay, to the microsecond.
	Delay time.Duration

	Kind Kind
	From From
	// Port is of either end; 0 is any.
	Port uint16

	Picks Picks
	// N goes with Nth, FirstN and EveryNth; OfAll counts over all connections instead of
	// in each.
	N     int
	OfAll bool
	// Percent goes with the Picks of that name: more than 0, at most 100.
	Percent float64
}

const (
	maxN     = 1_000_000_000
	maxDelay = 10 * time.Minute
)

// Validate reports what is wrong with a rule that was not parsed.
func (r *Rule) Validate() error {
	counts := r.Picks == Nth || r.Picks == FirstN || r.Picks == EveryNth
	switch {
	case int(r.Action) >= len(actions), int(r.Kind) >= len(kinds), int(r.From) >= len(senders), r.Picks > Percent:
		return fmt.Errorf("impair: action %d, kind %d, sender %d or picks %d is none that there is", r.Action, r.Kind, r.From, r.Picks)
	case r.Action == Delay && (r.Delay < time.Microsecond || r.Delay > maxDelay || r.Delay%time.Microsecond != 0):
		return fmt.Errorf("impair: a delay of %s; want whole microseconds, at most %s", r.Delay, maxDelay)
	case r.Action != Delay && r.Delay != 0:
		return fmt.Errorf("impair: %s has a delay of %s; only delay takes one", r.Action, r.Delay)
	case counts && (r.N < 1 || r.N > maxN), !counts && r.N != 0:
		return fmt.Errorf("impair: a count of %d; want 1 to %d, or 0 where nothing is counted", r.N, maxN)
	case !counts && r.OfAll:
		return fmt.Errorf("impair: nothing is counted, so not over all connections either")
	case r.Picks == Percent && !(r.Percent > 0 && r.Percent <= 100), r.Picks != Percent && r.Percent != 0:
		return fmt.Errorf("impair: %v%%; want more than 0 and at most 100, or 0 where a rule is not random", r.Percent)
	}
	return nil
}

// String is the rule in its canonical form, which parses to the same rule.
func (r *Rule) String() string {
	s := r.Action.String() + " " + r.picked() + " from " + r.From.String()
	if r.Port != 0 {
		s += " on port " + strconv.Itoa(int(r.Port))
	}
	if r.Action == Delay {
		s += " by " + duration(r.Delay)
	}
	return s
}

func (r *Rule) picked() string {
	count, one := "every", true
	switch r.Picks {
	case Nth:
		count = "the " + ordinal(r.N)
	case EveryNth:
		count = "every " + ordinal(r.N)
	case FirstN:
		count, one = "the first "+strconv.Itoa(r.N), r.N == 1
	case Percent:
		count, one = strconv.FormatFloat(r.Percent, 'f', -1, 64)+"% of", false
	}
	if r.OfAll {
		count, one = count+" of all", false
	}
	if one {
		return count + " " + r.Kind.String()
	}
	return count + " " + r.Kind.plural()
}

// ordinal is "1st", "2nd", "13th".
func ordinal(n int) string {
	suffix := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

// duration is "30 ms", "0.5 ms" or "2 s".
func duration(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.Itoa(int(d/time.Second)) + " s"
	}
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', -1, 64) + " ms"
}
