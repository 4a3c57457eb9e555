package explain

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"lastack/harness/capture"
	"lastack/harness/teardown"
)

// Connection is one connection and how it closed: what is known of it when it
// leaves.
type Connection struct {
	// N counts the connections of the capture from 1, in the order of their
	// first segments, whether or not a Filter lets them pass.
	N int `json:"n"`
	// Over tells that the connection had ended by when it left: a RST, or both
	// FINs acknowledged.
	Over bool `json:"over"`
	// Tunnel is the tunnel that the connection is in: "VXLAN 42
	// 10.0.0.1-10.0.0.2". Empty outside tunnels.
	Tunnel string `json:"tunnel,omitempty"`
	// ICMP is the ICMP error that quotes its segments, nil if there is none.
	ICMP *ICMP `json:"icmp,omitempty"`
	teardown.Report
	teardown.Detail
}

// Options say what an Analysis is to find out. The zero value counts and
// summarises all connections.
type Options struct {
	Filter Filter
	// Each is called with every connection that passes the Filter, as it
	// leaves: nearly in the order in which they ended. An error ends the
	// analysis.
	Each func(*Connection) error
	// Lines is which connections come with the lines of their Reports, which
	// take most of the memory: AllLines, or the number of one, or 0 for none.
	Lines int
	// Closed is called as a connection is over, for who cannot wait until it
	// leaves. Stragglers may still come.
	Closed func(*Connection) error
	// Ports is the range that clients take their ports from, for forecasts; the zero
	// PortRange means one that systems are shipped with and the capture does not refute.
	Ports PortRange
	// Packet is called with the packet of every segment, and with what it was in
	// the close of its connection; the remark is empty for most.
	Packet func(p *capture.Packet, remark string)
}

// AllLines is for Options.Lines.
const AllLines = -1

// The bounds of what an Analysis remembers.
const (
	maxOpen     = 131_072         // connections under way
	remember    = 32_768          // connections that are over, for their stragglers
	rememberFor = 2 * time.Minute // no straggler comes later
)

// Analysis explains the connections of one capture. Make one with New; it is for
// one goroutine.
type Analysis struct {
	opt   Options
	table *teardown.Table
	rec   record
	sum   Summary

	tunnels tunnels
	icmp    map[icmpKey]*icmpNote

	groups   groups
	findings findings
	silences silences
	roles    roles
	flushing bool
	cut      bool // by a gap
	gaps     *gaps
	second   int64          // of the latest segment, since 1970
	over     *teardown.Conn // that the latest segment ended
	err      error          // of Each or Closed
}

// New begins an analysis.
func New(opt Options) *Analysis {
	a := &Analysis{opt: opt, groups: newGroups(), findings: newFindings(), second: noTime, gaps: &gaps{}}
	a.findings.gaps = a.gaps
	a.findings.ports = opt.Ports
	cfg := teardown.Config{
		Remember: remember, RememberFor: rememberFor, MaxOpen: maxOpen,
		Recycle: true, OnForget: a.leave,
	}
	// A remark is about the latest line.
	cfg.Lean, cfg.LinesOf = opt.Lines != AllLines && opt.Packet == nil, opt.Lines
	cfg.OnClose = a.closed
	a.table = teardown.NewTable(cfg)
	return a
}

func (a *Analysis) add(r *record) *teardown.Conn {
	a.over = nil
	if second := r.Time.Unix(); second > a.second { // cheaper than to ask the Table
		if a.second > noTime && second-a.second > int64(LeapAfter/time.Second) {
			a.gap()
		}
		if a.second = second; a.gaps.open {
			a.gaps.end(r.Time)
		}
	}
	c := a.tunnels.add(a.table, &r.Record, r.tunnel)
	a.roles.see(c, &r.Seg)
	return c
}

// Summary ends the analysis and says what was found. The error is that of Each or
// Closed.
func (a *Analysis) Summary() (*Summary, error) {
	a.flushing = true
	a.table.Flush()
	a.sum.Groups = a.groups.list()
	a.findings.oneSided = a.sum.oneSided()
	a.sum.Findings = a.findings.list()
	a.sum.cover()
	a.sum.warn(a.groups.overflowed, a.findings.lost())
	return &a.sum, a.err
}

// noTime is before the time of any segment that has one.
const noTime = -62_135_596_800

// gap ends the view of all connections, as nobody knows what became of them meanwhile.
func (a *Analysis) gap() {
	if a.sum.from.IsZero() && a.sum.gaps > 0 && a.table.Empty() {
		return // the same one
	}
	a.sum.gaps++
	a.gaps.begin(a.table.Now())
	a.flushing, a.cut = true, true
	a.table.Flush()
	a.flushing, a.cut = false, false
	a.sum.cover()
}

// ended is a connection that left, and what is known of it without allocating.
type ended struct {
	conn           *teardown.Conn
	client, server netip.AddrPort
	tunnel         *capture.Tunnel // nil outside tunnels
	report         teardown.Report // an Outcome
	detail         teardown.Detail
	quiet          time.Duration // before a RST that a limit on silence may explain
	alike          int           // connections that show the same limit
	fatal          *icmpNote     // ICMP errors that ended it, nil for most
	gaps           *gaps         // of the capture
}

func (a *Analysis) ended(c *teardown.Conn) ended {
	client, server, in := a.tunnels.ends(c)
	if a.roles.swapped(c) {
		c = c.Swapped()
		client, server = server, client
	}
	return ended{
		conn: c, client: client, server: server, tunnel: in, gaps: a.gaps,
		report: c.Outcome(), detail: c.Detail(a.table.Now()),
	}
}

func (e *ended) duration() time.Duration { return micros(e.report.DurationUS) }

// micros is a duration given in microseconds; negative ones mean none.
func micros(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

func (a *Analysis) leave(c *teardown.Conn) {
	e := a.ended(c)
	a.idleLimit(&e)
	if n := a.icmpNoteOf(&e); n != nil && a.fatal(&e, n) {
		e.fatal = n
	}
	a.show(&e)
	a.tunnels.forget(c)
	a.forgetICMP(&e)
}

// show counts a connection that leaves, and shows it to who asked for it.
func (a *Analysis) show(e *ended) {
	c := e.conn
	if !a.flushing && !c.Done() && e.detail.Reused == nil {
		a.sum.GivenUp++
	}
	a.sum.Connections++
	a.sum.see(e)
	if !a.opt.Filter.all() && !a.opt.Filter.passes(e) {
		return
	}
	a.sum.Matching++
	a.sum.because(e.report.Cause)
	a.groups.add(e)
	a.findings.add(e)
	if a.opt.Each != nil && a.err == nil {
		a.err = a.opt.Each(a.whole(e))
	}
}

func (a *Analysis) closed(c *teardown.Conn) {
	a.over = c
	quiet, silent := c.Silence()
	if a.opt.Closed == nil && !silent {
		return
	}
	e := a.ended(c)
	if silent {
		a.silences.add(&e, quiet)
		a.idleLimit(&e)
	}
	if a.opt.Closed == nil {
		return
	}
	if a.err == nil && (a.opt.Filter.all() || a.opt.Filter.passes(&e)) {
		a.err = a.opt.Closed(a.whole(&e))
	}
}

// whole is the connection with its prose and its lines.
func (a *Analysis) whole(e *ended) *Connection {
	c := &Connection{N: e.conn.Number(), Over: e.conn.Done(), ICMP: a.icmpOf(e), Report: e.conn.Report(), Detail: e.detail}
	if e.tunnel != nil {
		c.Tunnel, c.Client, c.Server = e.tunnel.String(), e.client.String(), e.server.String()
	}
	reason := strings.TrimSuffix(c.Reason, ".")
	if c.Cause = e.report.Cause; e.alike > 0 {
		reason = e.idleReason()
	}
	if c.CloseWait != teardown.None {
		reason += fmt.Sprintf("; that had lasted %s by the end of the capture", long(micros(c.LeftOpenUS)))
	}
	if a.cut && !c.Over {
		reason += "; it was not seen since, as the capture has a gap from " + a.table.Now().UTC().Format("2006-01-02 15:04:05 UTC")
	}
	if c.MissingBytes > 0 {
		reason += fmt.Sprintf("; %s acknowledged that the capture does not have, and a FIN may be among them", were(int(c.MissingBytes), "byte"))
	}
	if c.ICMP != nil {
		reason += c.ICMP.sentence()
	}
	c.Reason = reason + "."
	return c
}
