package explain

import (
	"slices"
	"time"
)

// evidence is what a report is made of. That of two captures without a connection in
// common adds up to that of both, in any order, as long as no bound is met.
type evidence struct {
	sum      Summary // its counts; findings, groups and warnings come last
	views    views
	groups   groups
	findings findings
	roles    roles
	timeline timeline
	limits   silences // of all, once they are settled
	early    int      // connections decided before all was seen
}

func newEvidence() evidence {
	return evidence{groups: newGroups(), findings: newFindings()}
}

// count counts a connection that is decided.
func (v *evidence) count(k *fact) {
	v.sum.because(k.Cause)
	v.groups.add(k)
	v.findings.add(k)
	if !k.Start.IsZero() {
		v.timeline.add(k.end(), k.Close)
	}
}

// merge adds the evidence of another capture.
func (v *evidence) merge(o *evidence) {
	v.sum.merge(&o.sum)
	v.views = append(v.views, o.views...).joined()
	v.groups.overflowed += o.groups.overflowed
	for _, key := range sortedBy(o.groups.all, groupKey.compare) {
		c := o.groups.all[key]
		v.groups.of(key, c.N).merge(c)
	}
	v.findings.merge(&o.findings)
	v.roles.merge(&o.roles)
	v.timeline.merge(&o.timeline)
	v.early += o.early
}

func (r *roles) merge(o *roles) {
	r.make()
	r.full = r.full || o.full
	for _, end := range sortedBy(o.syns, compareEndpoint) {
		r.addSYN(end)
	}
	for _, end := range sortedBy(o.shares, compareEndpoint) {
		r.addShares(end, o.shares[end])
	}
	for port, n := range o.ports {
		r.ports[port] += n
	}
}

// report makes the Summary of what was counted. It is called once.
func (v *evidence) report(ports PortRange) *Summary {
	s := &v.sum
	v.views = v.views.joined()
	between := v.views.gaps()
	s.covered, s.gaps = v.views.covered(), len(between)
	s.Groups = v.groups.list()
	s.Findings = v.findings.list(ports, s.oneSided(), between)
	s.Timeline = v.timeline.list()
	s.warn(v)
	return s
}

// views are the times of which there is a capture.
type views []view

type view struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// maxViews bounds them. Later views are taken for one, so that rates are too low there.
const maxViews = 4096

// add adds a later one.
func (v *views) add(from, to time.Time) {
	if n := len(*v); n == maxViews {
		(*v)[n-1].To = later((*v)[n-1].To, to).UTC()
		return
	}
	*v = append(*v, view{from.UTC(), to.UTC()})
}

// joined are the views with those made one that overlap or join, as a Merge has it: what
// one capture has is no gap of others.
func (v views) joined() (out views) {
	slices.SortFunc(v, func(a, b view) int { return a.From.Compare(b.From) })
	for _, next := range v {
		if n := len(out); n > 0 && next.From.Sub(out[n-1].To) < GapAfter {
			out[n-1].To = later(out[n-1].To, next.To)
			continue
		}
		out.add(next.From, next.To)
	}
	return out
}

func (v views) covered() (d time.Duration) {
	for _, w := range v {
		d += w.To.Sub(w.From)
	}
	return d
}

// end is until when somebody looked who looked at a time.
func (v views) end(at time.Time) time.Time {
	for _, w := range v {
		if !at.Before(w.From) && !at.After(w.To) {
			return w.To
		}
	}
	return at
}
