package explain

import (
	"maps"
	"slices"
)

// Findings are those that Summary would list if the capture ended now. They change nothing
// of what Summary will say. It takes time and memory in proportion to the connections and
// hosts that are remembered: a microsecond or two for each.
func (a *Analysis) Findings() []Finding {
	f := a.findings.clone()
	sum := Summary{OneSided: a.sum.OneSided, Connections: a.sum.Connections}
	a.roles.mute = true
	defer func() { a.roles.mute = false }()
	for _, c := range a.table.All() {
		e := a.ended(c)
		a.idleLimit(&e)
		sum.see(&e)
		sum.Connections++
		if a.opt.Filter.all() || a.opt.Filter.passes(&e) {
			f.add(&e)
		}
	}
	f.oneSided = sum.oneSided()
	return f.list()
}

// clone is a copy that shares nothing with f.
func (f *findings) clone() *findings {
	c := *f
	c.servers = f.servers.clone(host.clone)
	c.leaks = f.leaks.clone(func(l leak) leak { return l })
	c.pairs = f.pairs.clone(func(h holder) holder {
		h.use.few, h.use.set = slices.Clone(h.use.few), slices.Clone(h.use.set)
		return h
	})
	return &c
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
	for i := range h.causes {
		h.causes[i] = h.causes[i].clone()
	}
	for _, c := range []*cases{&h.again, &h.waiting, &h.syns, &h.timed} {
		*c = c.clone()
	}
	for _, d := range []*histogram{&h.idle, &h.asleep, &h.limit, &h.closed, &h.due} {
		d.counts = slices.Clone(d.counts)
	}
	return h
}

func (c cases) clone() cases {
	if c.when != nil {
		when := *c.when
		when.minutes = maps.Clone(when.minutes)
		c.when = &when
	}
	return c
}
