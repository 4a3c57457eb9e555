// Package tunable is the table of lastack's tunables: name, range, default,
// meaning, and a set of current values that may be read and written at any time
// from any goroutine.
//
// A tunable that Linux has carries Linux's sysctl name, unit and default
// (net.ipv4...); one of our own begins with "lastack.". All values are integers,
// as sysctl's are; switches are 0 and 1.
//
//	set := tunable.NewSet()
//	err := set.Set("lastack.delayed_ack", "0")
//	on := set.Bool(tunable.DelayedACK)
//
// The package does not know what a tunable does: whoever obeys one reads it
// where it matters, or asks to be told with OnChange.
package tunable

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ID names a tunable in code.
type ID int

// The tunables, in the order of the table.
const (
	DelayedACK ID = iota
	DelayedACKms
	MSLms
	count
)

// Def describes one tunable.
type Def struct {
	ID   ID
	Name string
	// Min and Max are the smallest and largest value taken.
	Min, Max int64
	Default  int64
	// Unit is "ms", or empty for a switch or a plain number.
	Unit string
	// Doc says what the tunable does and what people wrongly think it does.
	Doc string
}

// defs is the table. It is never written to.
var defs = [count]Def{
	{
		ID: DelayedACK, Name: "lastack.delayed_ack", Min: 0, Max: 1, Default: 1,
		Doc: `Whether the host delays pure ACKs (RFC 9293 3.8.6.3, RFC 5681 4.2). On, the ACK
of the peer's FIN waits for the host's own FIN and, if the application closes
in time, travels with it: three segments. Off, every ACK goes out at once: four.
Linux has no such switch: TCP_QUICKACK is per socket and wears off, and the
route attribute "quickack 1" is its nearest kin. Turning it off sends what is
being held.`,
	},
	{
		ID: DelayedACKms, Name: "lastack.delayed_ack_ms", Min: 1, Max: 499, Default: 40, Unit: "ms",
		Doc: `How long a pure ACK may wait for a segment to carry it. RFC 9293 3.8.6.3 demands
less than half a second. Linux waits 40 ms after earlier data, but only until
the next tick on a connection that never received any; lastack waits this long
always. When the time is up a pure ACK goes out: waiting does not merge it with
a FIN, only the application's close() makes a FIN.`,
	},
	{
		ID: MSLms, Name: "lastack.msl_ms", Min: 1, Max: 240_000, Default: 30_000, Unit: "ms",
		Doc: `The maximum segment lifetime; TIME_WAIT lasts twice as long (RFC 9293 3.4.2 and
3.10.7.4, which suggests an MSL of two minutes). The default gives Linux's
60 seconds. Linux has no such knob: its 60 seconds are a constant of the kernel,
and net.ipv4.tcp_fin_timeout, often taken for it, bounds FIN_WAIT_2 of an
orphaned connection instead. A new value holds for every TIME_WAIT that begins
after it.`,
	},
}

// All lists the tunables in the order of the table.
func All() []Def { return append([]Def(nil), defs[:]...) }

// Lookup finds a tunable by its name.
func Lookup(name string) (Def, bool) {
	for _, d := range defs {
		if d.Name == name {
			return d, true
		}
	}
	return Def{}, false
}

// Set holds a value for each tunable. Make it with NewSet. Reads are single
// atomic loads.
type Set struct {
	values [count]atomic.Int64

	mu     sync.Mutex // serialises writers, and so the watchers' calls
	watchs [count][]func(value int64)
}

// NewSet has every tunable at its default.
func NewSet() *Set {
	s := &Set{}
	for _, d := range defs {
		s.values[d.ID].Store(d.Default)
	}
	return s
}

// Int is the current value.
func (s *Set) Int(id ID) int64 { return s.values[id].Load() }

// Bool is the current value of a switch.
func (s *Set) Bool(id ID) bool { return s.Int(id) != 0 }

// Millis is the current value of a tunable whose unit is "ms".
func (s *Set) Millis(id ID) time.Duration { return time.Duration(s.Int(id)) * time.Millisecond }

// OnChange has f called after each change of the tunable, with the new value,
// by the goroutine that made the change; two calls never overlap. f must not
// write to the set.
func (s *Set) OnChange(id ID, f func(value int64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchs[id] = append(s.watchs[id], f)
}

// Set parses and stores a value. On an unknown name, a value that is no number,
// or one out of range, nothing changes and the error (a *Error) says what
// would have been taken.
func (s *Set) Set(name, value string) error {
	d, ok := Lookup(name)
	if !ok {
		return &Error{Name: name, Why: "unknown tunable; there are " + strings.Join(names(), ", ")}
	}
	v, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return &Error{Name: name, Why: fmt.Sprintf("%q is not a whole number; give %s", value, d.Range())}
	}
	return s.SetInt(d.ID, v)
}

// SetInt stores a value; it fails as Set does when the value is out of range.
func (s *Set) SetInt(id ID, v int64) error {
	d := defs[id]
	if v < d.Min || v > d.Max {
		return &Error{Name: d.Name, Why: fmt.Sprintf("%d is out of range; give %s", v, d.Range())}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values[id].Swap(v) == v {
		return nil
	}
	for _, f := range s.watchs[id] {
		f(v)
	}
	return nil
}

// Range describes the values taken: "0 or 1", "1 to 499 ms".
func (d Def) Range() string {
	if d.Min == 0 && d.Max == 1 {
		return "0 or 1"
	}
	return strings.TrimSpace(fmt.Sprintf("%d to %d %s", d.Min, d.Max, d.Unit))
}

// Error is a tunable that could not be set.
type Error struct {
	// Name is the tunable as it was given.
	Name string
	// Why says what is wrong and what would be right.
	Why string
}

func (e *Error) Error() string { return "tunable " + e.Name + ": " + e.Why }

func names() []string {
	var n []string
	for _, d := range defs {
		n = append(n, d.Name)
	}
	return n
}
