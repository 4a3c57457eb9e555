package tunable

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Set holds a value for each tunable. Make it with NewSet. Reads are single
// atomic loads.
type Set struct {
	values [count]atomic.Int64
	keys   atomic.Pointer[string] // the value of FastOpenKey; nil is none

	mu     sync.Mutex // serialises writers, and so the watchers' calls
	watchs [count]map[int]func(value int64)
	serial int // of the latest watcher
}

// NewSet has every tunable at its default.
func NewSet() *Set {
	s := &Set{}
	for _, d := range defs {
		s.values[d.ID].Store(d.Default)
	}
	return s
}

// Int is the current value. For a PortPair it is of use to Def.Format alone, and
// for Keys it only tells whether they have changed.
func (s *Set) Int(id ID) int64 { return s.values[id].Load() }

// Bool is the current value of a switch.
func (s *Set) Bool(id ID) bool { return s.Int(id) != 0 }

// Millis is the current value of a tunable whose unit is "ms".
func (s *Set) Millis(id ID) time.Duration { return time.Duration(s.Int(id)) * time.Millisecond }

// Seconds is the current value of a tunable whose unit is "s".
func (s *Set) Seconds(id ID) time.Duration { return time.Duration(s.Int(id)) * time.Second }

// Ports is the current value of a PortPair; lo <= hi, and both belong to it.
func (s *Set) Ports(id ID) (lo, hi uint16) { return unpack(s.Int(id)) }

// Keys is the current value of Keys: none, one, or two.
func (s *Set) Keys(id ID) []Key {
	keys, _ := parseKeys(s.Text(id)) // what is stored was parsed before
	return keys
}

// Text is the current value as Set takes it.
func (s *Set) Text(id ID) string {
	if text := s.keys.Load(); defs[id].Kind == Keys && text != nil {
		return *text
	}
	return defs[id].Format(s.Int(id))
}

// OnChange calls f after each change of the tunable, with the new value, in the goroutine
// that made the change; two calls never overlap. f must not write to the set. The set
// holds on to f until stop is called, after which f is not called again; so a watcher of
// a set that outlives it has to call stop, and not from within f.
func (s *Set) OnChange(id ID, f func(value int64)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	mine := s.serial
	if s.watchs[id] == nil {
		s.watchs[id] = make(map[int]func(int64))
	}
	s.watchs[id][mine] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchs[id], mine)
	}
}

// Set parses and stores a value. On an unknown name, or a value that Def.Parse
// refuses, nothing changes and the error is a *Error.
func (s *Set) Set(name, value string) error {
	return s.SetAll([]Setting{{Name: name, Value: value}})
}

// SetAll stores all of the values, or none: if Set would refuse one of them,
// nothing changes and the error is Set's. Of two values for one tunable the later
// counts. Other writers come before all of it or after all of it; a reader of
// several tunables may see some of them changed and others not yet.
func (s *Set) SetAll(settings []Setting) error {
	var changes []change
	for _, g := range settings {
		d, err := Find(g.Name)
		if err != nil {
			return err
		}
		v, err := d.Parse(g.Value)
		if err != nil {
			return err
		}
		changes = append(changes, change{d.ID, v, g.Value})
	}
	s.store(changes)
	return nil
}

// SetInt stores a value; it fails as Set does when the value is out of range. It is
// not for Keys.
func (s *Set) SetInt(id ID, v int64) error {
	if err := defs[id].check(v); err != nil {
		return err
	}
	s.store([]change{{id: id, v: v}})
	return nil
}

type change struct {
	id   ID
	v    int64
	text string // of Keys, for which v is too small
}

// store stores every value before the first watcher is called, so that each
// watcher finds all of them in place.
func (s *Set) store(changes []change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := map[ID]int64{}
	for _, c := range changes {
		if defs[c.id].Kind == Keys {
			text := formatKeys(c.text)
			s.keys.Store(&text)
		}
		old := s.values[c.id].Swap(c.v)
		if _, seen := before[c.id]; !seen {
			before[c.id] = old
		}
	}
	for id := range count {
		old, written := before[id]
		v := s.Int(id)
		if !written || old == v {
			continue
		}
		for _, mine := range slices.Sorted(maps.Keys(s.watchs[id])) {
			s.watchs[id][mine](v) // in the order in which they began to watch
		}
	}
}
