package explain

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// load adds a line to evidence that has come so far, with the bounds of what is counted.
func (v *evidence) load(l *line) error {
	switch {
	case l.Counts != nil:
		return v.loadCounts(l.Counts)
	case l.Group != nil:
		g, key := l.Group, groupKey{l.Group.Server, teardown.Kind(l.Group.Close)}
		return loadInto(v.groups.all, key, g.Of, maxGroups+nKinds, g.Of != nil && g.Of.Example != nil && slices.Contains(Kinds(), key.close))
	case l.Server != nil:
		s := l.Server
		return loadInto(v.findings.servers.counts, s.Server, &counted[host]{s.N, deref(s.Of)}, maxHosts, s.Of != nil && s.Of.sound())
	case l.Leak != nil:
		s := l.Leak
		return loadInto(v.findings.leaks.counts, s.Who, &counted[leak]{s.N, deref(s.Of)}, maxHosts, s.Of != nil && s.Of.Example != nil)
	case l.Pair != nil:
		s := l.Pair
		return loadInto(v.findings.pairs.counts, pair{s.Client, s.Server}, &counted[holder]{s.N, deref(s.Of)}, maxPairs, s.Of != nil && s.Of.sound())
	case l.Timeline != nil:
		return v.timeline.load(l.Timeline)
	}
	return v.roles.load(l)
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func loadInto[K comparable, V any](m map[K]V, k K, v V, most int, sound bool) error {
	if _, twice := m[k]; twice || len(m) >= most || !sound {
		return fmt.Errorf("%v is there twice, one too many, or not whole", k)
	}
	m[k] = v
	return nil
}

func (v *evidence) loadCounts(c *countsLine) error {
	s := c.Summary
	if s == nil || v.views != nil || len(c.Views) > maxViews || len(c.Told) > maxTold || len(s.Skipped) > maxKinds ||
		len(s.Findings)+len(s.Groups)+len(s.Warnings) > 0 || s.Timeline != nil {
		return errors.New("the counts are not as they are written")
	}
	if !subset(slices.Collect(maps.Keys(s.Causes)), teardown.Causes()) {
		return errors.New("an unknown cause")
	}
	if !subset(slices.Collect(maps.Keys(s.FastOpen)), []teardown.FastOpen{teardown.FastOpenAsked, teardown.FastOpenCookie, teardown.FastOpenData, teardown.FastOpenRefused}) {
		return errors.New("an unknown outcome of Fast Open")
	}
	for i := range s.Skipped {
		s.Skipped[i].Name = printable(s.Skipped[i].Name)
	}
	for _, text := range c.Told {
		s.told = append(s.told, printable(text))
	}
	s.Connections, s.Matching, s.records = c.Connections, c.Matching, c.Records
	v.sum, v.views, v.groups.overflowed, v.early = *s, append(views{}, c.Views...), c.Overflowed, c.Early
	v.findings.servers.lost, v.findings.leaks.lost, v.findings.pairs.lost = c.ServersLost, c.LeaksLost, c.PairsLost
	v.findings.setLost, v.roles.full = c.SetLost, c.RolesFull
	return nil
}

func (r *roles) load(l *line) error {
	r.make()
	for _, end := range l.SYNs {
		if !end.IsValid() || len(r.syns) >= maxRoles {
			return errors.New("too many ends, or none")
		}
		r.syns[segment.EndpointFrom(end)] = struct{}{}
	}
	for _, s := range l.Shares {
		if !s.End.IsValid() || len(r.shares) >= maxRoles {
			return errors.New("too many ends, or none")
		}
		r.shares[segment.EndpointFrom(s.End)] = s.N
	}
	maps.Copy(r.ports, l.Ports)
	return nil
}

func (t *timeline) load(l *timelineLine) error {
	t.width = slices.Index(slotWidths, time.Duration(l.WidthMS)*time.Millisecond)
	if t.width < 0 || t.slots != nil || len(l.Slots) == 0 || len(l.Slots) > maxSlots {
		return errors.New("the timeline is not as it is written")
	}
	t.slots = l.Slots
	t.low, t.high = math.MaxInt64, math.MinInt64
	for k, n := range l.Slots {
		if t.low, t.high = min(t.low, k), max(t.high, k); n == nil {
			return errors.New("the timeline has a hole")
		}
	}
	// Slots of a time that can be written down, so that widening comes to an end.
	least, most := slotOf(time.Time{}, slotWidths[t.width]), slotOf(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), slotWidths[t.width])
	if t.low < least || t.high > most || t.high-t.low >= maxSlots {
		return errors.New("the timeline is too long")
	}
	return nil
}

func (h *host) sound() bool {
	for _, c := range h.cases() {
		if c.N > 0 && (c.Example == nil || c.When == nil || c.When.Minutes == nil || len(c.When.Minutes) > maxMinutes) {
			return false
		}
	}
	return h.soundICMP()
}

func (h *holder) sound() bool {
	u := &h.Use
	return h.Example != nil && len(u.Few) <= EnoughToForecast && (u.Set == nil || len(u.Set) == portWords) && u.Seen.Low <= u.Seen.High
}

func (u *undecided) sound() bool {
	for _, k := range []*fact{&u.As, u.Or} {
		if k == nil {
			continue
		}
		whos := []teardown.Who{k.ActiveCloser, k.TimeWait, k.ResetBy, k.CloseWait, k.OneSided}
		if !subset(whos, []teardown.Who{teardown.None, teardown.Client, teardown.Server, teardown.Both}) ||
			!subset([]teardown.Kind{k.Close}, Kinds()) || !subset([]teardown.Cause{k.Cause}, teardown.Causes()) ||
			k.Lost > 2 || k.QuietUS < 0 || k.LastedUS < 0 || k.ICMP != nil && !k.ICMP.sound() || !k.Client.IsValid() || !k.Server.IsValid() || len(k.ResetCause) > 64 {
			return false
		}
	}
	return true
}

func subset[T comparable](some, all []T) bool {
	return !slices.ContainsFunc(some, func(t T) bool { return !slices.Contains(all, t) })
}

// countsIn reports whether all numbers in a line are those of something that can be
// counted or measured, and all times can be written down.
func countsIn(v reflect.Value) bool {
	switch x := v.Interface().(type) {
	case time.Time:
		return x.Year() >= 1 && x.Year() <= 9999
	case netip.AddrPort, netip.Addr, histogram:
		return true
	}
	switch v.Kind() {
	case reflect.Int:
		return v.Int() >= 0 && v.Int() <= maxCount
	case reflect.Int64:
		return v.Int() >= -1
	case reflect.Pointer:
		return v.IsNil() || countsIn(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if !countsIn(v.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if !countsIn(it.Value()) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); (f.IsExported()) && !countsIn(v.Field(i)) {
				return false
			}
		}
	}
	return true
}
