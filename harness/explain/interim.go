package explain

import (
	"maps"
	"slices"
)

// Findings are those that Summary would list if the capture ended now. They change nothing
// of what Summary will say. It takes time and memory in proportion to the connections and
// hosts that are remembered: a microsecond or two for each. It is for before Summary, and
// not for an Analysis with Options.Partial, which keeps nothing that is undecided.
func (a *Analysis) Findings() []Finding {
	b := a.copy()
	for _, c := range b.split.All() {
		d := b.departure(b.laneOf(c), c)
		e := d.ended()
		b.judge(&e)
		b.show(&e)
	}
	b.cover()
	_ = b.settle(b.each) // which yields no error
	return b.report(b.opt.Ports).Findings
}

// copy is an Analysis in which connections may be counted without a change of a. It shares
// with a what is not changed by that, and has no more of the rest than findings take.
func (a *Analysis) copy() *Analysis {
	b := &Analysis{
		opt: Options{Filter: a.opt.Filter, Ports: a.opt.Ports}, split: a.split, tunnels: a.tunnels, lanes: a.lanes,
		silences: a.silences, waited: a.waited, from: a.from, again: a.again, flushing: true, second: a.second,
	}
	b.evidence = evidence{
		sum: Summary{OneSided: a.sum.OneSided, Connections: a.sum.Connections}, views: slices.Clone(a.views),
		groups: newGroups(), findings: a.findings.clone(), roles: a.roles, early: a.early,
	}
	b.roles.mute = true
	for i := range a.waiting {
		b.waiting = append(b.waiting, a.waiting[i].clone())
	}
	return b
}

// pointerTo is a copy of what p points to, nil for nil.
func pointerTo[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

func (u undecided) clone() undecided {
	u.As.ICMP = pointerTo(u.As.ICMP)
	if u.Or = pointerTo(u.Or); u.Or != nil {
		u.Or.ICMP = pointerTo(u.Or.ICMP)
	}
	return u
}

// clone is a copy that shares nothing with f.
func (f *findings) clone() findings {
	c := *f
	c.servers = f.servers.clone(host.clone)
	c.leaks = f.leaks.clone(func(l leak) leak {
		l.Example = pointerTo(l.Example)
		return l
	})
	c.pairs = f.pairs.clone(func(h holder) holder {
		h.Example, h.Use.Few, h.Use.Set = pointerTo(h.Example), slices.Clone(h.Use.Few), slices.Clone(h.Use.Set)
		return h
	})
	return c
}

func (t *tally[K, V]) clone(each func(V) V) tally[K, V] {
	c := *t
	c.counts = make(map[K]*counted[V], len(t.counts))
	for k, v := range t.counts {
		c.counts[k] = &counted[V]{v.n, each(v.v)}
	}
	return c
}

func (h host) clone() host {
	if h.ICMP = pointerTo(h.ICMP); h.ICMP != nil {
		for i := range h.ICMP {
			h.ICMP[i].First = pointerTo(h.ICMP[i].First)
		}
	}
	for _, c := range h.cases() {
		c.Example, c.When = pointerTo(c.Example), pointerTo(c.When)
		if c.When != nil {
			c.When.Minutes = maps.Clone(c.When.Minutes)
		}
	}
	for _, d := range []*histogram{&h.Idle, &h.Asleep, &h.Limit, &h.Closed, &h.Due} {
		d.counts = slices.Clone(d.counts)
	}
	return h
}
