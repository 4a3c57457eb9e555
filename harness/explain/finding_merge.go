package explain

func (f *findings) merge(o *findings) {
	f.servers.lost, f.leaks.lost, f.pairs.lost = f.servers.lost || o.servers.lost, f.leaks.lost || o.leaks.lost, f.pairs.lost || o.pairs.lost
	f.setLost = f.setLost || o.setLost
	for _, k := range sortedBy(o.servers.counts, compareAddrPort) {
		c := o.servers.counts[k]
		f.servers.more(k, c.n).v.merge(&c.v)
	}
	for _, k := range sortedBy(o.leaks.counts, compareAddrPort) {
		c := o.leaks.counts[k]
		f.leaks.more(k, c.n).v.merge(&c.v)
	}
	for _, k := range sortedBy(o.pairs.counts, pair.compare) {
		c := o.pairs.counts[k]
		p := f.pairs.more(k, c.n)
		p.v.see(c.v.Example, c.v.First, c.v.Last)
		f.use(&p.v.Use, func(keep bool) bool { return p.v.Use.merge(&c.v.Use, keep) })
	}
}

// merge adds what another has counted.
func (h *host) merge(o *host) {
	for i := range h.Causes {
		h.Causes[i].merge(&o.Causes[i])
	}
	for _, of := range [][2]*cases{{&h.Again, &o.Again}, {&h.Waiting, &o.Waiting}, {&h.SYNs, &o.SYNs}, {&h.Timed, &o.Timed}} {
		of[0].merge(of[1])
	}
	for _, of := range [][2]*histogram{{&h.Idle, &o.Idle}, {&h.Asleep, &o.Asleep}, {&h.Limit, &o.Limit}, {&h.Closed, &o.Closed}, {&h.Due, &o.Due}} {
		of[0].merge(of[1])
	}
	for i := range h.Aborts {
		h.Aborts[i] += o.Aborts[i]
		h.Limits[i] += o.Limits[i]
		h.Early[i] += o.Early[i]
	}
	for i := range h.Lost {
		h.Lost[i] += o.Lost[i]
	}
	h.mergeICMP(o)
	h.SYN, h.Met, h.Answered, h.Tried = h.SYN+o.SYN, h.Met+o.Met, h.Answered+o.Answered, max(h.Tried, o.Tried)
	h.Served, h.Unread = h.Served+o.Served, h.Unread+o.Unread
}

func (c *cases) merge(o *cases) {
	if o.N == 0 {
		return
	}
	if c.N == 0 {
		c.When = &moments{}
	}
	c.N, c.Example = c.N+o.N, c.Example.first(o.Example)
	c.When.merge(o.When)
}

func (l *leak) merge(o *leak) {
	switch {
	case l.Example == nil || o.Oldest > l.Oldest:
		l.Example, l.Oldest = o.Example, o.Oldest
	case o.Oldest == l.Oldest:
		l.Example = l.Example.first(o.Example)
	}
	l.Old, l.Server = l.Old+o.Old, o.Server
}
