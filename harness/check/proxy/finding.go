package proxy

import (
	"fmt"

	"lastack/harness/check"
	"lastack/harness/teardown"
)

// finding is what a check finds out as it goes.
type finding struct {
	g       *ground
	notes   []string
	differs []string
	breaks  string
	skip    string
	legs    []check.Leg
	drawn   bool // legs show a difference
}

// note notes a fact.
func (f *finding) note(format string, args ...any) {
	f.notes = append(f.notes, fmt.Sprintf(format, args...))
}

// differ notes a difference and what it breaks, and shows the connection, if there is one.
func (f *finding) differ(p *pair, breaks, format string, args ...any) {
	f.differs = append(f.differs, fmt.Sprintf(format, args...))
	if f.breaks == "" {
		f.breaks = breaks
	}
	if p != nil && !f.drawn {
		f.legs = nil
		f.show(p)
		f.drawn = true
	}
}

// show keeps both legs of a connection as evidence; the first shown, or the first that
// differs.
func (f *finding) show(p *pair) {
	if len(f.legs) > 0 {
		return
	}
	a, b := f.g.reports(p)
	if a != nil {
		f.legs = append(f.legs, check.Leg{Name: "client leg", Client: "client", Server: f.g.middle(), Report: *a})
	}
	if b != nil {
		f.legs = append(f.legs, check.Leg{Name: "server leg", Client: f.g.middle(), Server: "server", Report: *b})
	}
}

// middle is what stands there.
func (g *ground) middle() string {
	if g.cfg.NAT {
		return "NAT"
	}
	return "proxy"
}

// reports are those of the two legs, nil where nothing was seen.
func (g *ground) reports(p *pair) (client, server *teardown.Report) {
	if p.client != nil {
		if r, ok := g.clientLeg.Report(p.client.own(), p.client.peer()); ok {
			client = &r
		}
	}
	if p.server != nil {
		if r, ok := g.serverLeg.Report(p.server.peer(), p.server.own()); ok {
			server = &r
		}
	}
	return client, server
}

// check makes the verdict.
func (f *finding) check(name string) check.Check {
	return check.Conclude(check.Check{Name: name, Breaks: f.breaks, Legs: f.legs}, f.skip, f.differs, f.notes)
}
