package explain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/cpu"

	"lastack/harness/capture"
	"lastack/harness/capture/reasons"
	"lastack/harness/teardown"
	"lastack/stack/segment"
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
	// Kernel is what the kernel of this machine says about it, by Options.Kernel; nil where
	// that is nothing.
	Kernel *reasons.Close `json:"kernel,omitempty"`
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
	// Lines tells whether all connections come with the lines of their Reports, which
	// take most of the memory; those that are Chosen do anyway, and Each is called with
	// no others if there are any.
	Lines  bool
	Chosen []Choice
	// Closed is called as a connection is over, for who cannot wait until it
	// leaves. Stragglers may still come.
	Closed func(*Connection) error
	// Partial is where what this capture adds to a report of several is written. Its
	// owner closes it, after Summary.
	Partial *PartialWriter
	// Ports is the range that clients take their ports from, for forecasts; the zero
	// PortRange means one that systems are shipped with and the capture does not refute.
	Ports PortRange
	// Kernel asks the kernel about a connection that Each or Closed is called with, unless that
	// is in a tunnel; nil asks nobody. It is for captures that this machine is making.
	Kernel func(reasons.Query) *reasons.Close
	// Packet is called with the packet of every segment, and with what it was in
	// the close of its connection; the remark is empty for most.
	Packet func(p *capture.Packet, remark string)
}

// The bounds of what an Analysis remembers.
const (
	maxOpen     = 49_152    // connections under way, at about which some are given up
	remember    = 16_384    // connections that are over, for their stragglers
	rememberFor = LeapAfter // behind a gap there are no stragglers
)

// Analysis explains the connections of one capture. Make one with New; it is for
// one goroutine.
type Analysis struct {
	opt   Options
	split *teardown.Split
	rec   record
	evidence

	lanes   [teardown.Lanes]lane
	tunnels tunnels
	kernel  kernelResets

	numbered int         // connections
	silences silences    // so far
	waiting  []undecided // until all was seen
	waited   int
	from     time.Time // the first segment after the latest gap
	again    bool      // roles and silences are those of the whole capture, and stay
	flushing bool
	cut      bool // by a gap
	second   second
	over     *teardown.Conn // that the latest segment ended
	err      error          // of Each or Closed
	counter  *counter       // nil while there is none
	apart    bool           // each lane has a goroutine
	longFile int64          // bytes of a file that is read in halves
	inHalves bool           // it was
}

// lane is what one goroutine has of a capture when several take it in: a Table, and what is
// kept beside that.
type lane struct {
	_ cpu.CacheLinePad // another's is in another line of the processor's cache

	icmp  map[icmpKey]*icmpNote
	sheet *sheet // for the counter; nil while all is counted as it comes
	at    int    // the packet of the segment that is being added, with Analysis.apart

	_ cpu.CacheLinePad
}

// New begins an analysis.
func New(opt Options) *Analysis {
	a := &Analysis{opt: opt}
	a.reset()
	return a
}

// reset forgets all that was read.
func (a *Analysis) reset() {
	*a = Analysis{opt: a.opt, evidence: newEvidence(), second: noTime, longFile: longFile}
	a.split = teardown.NewSplit(a.tableConfig)
}

// tableConfig is that of one of the Tables.
func (a *Analysis) tableConfig(lane int) teardown.Config {
	cfg := teardown.Config{
		Remember: remember / teardown.Lanes, RememberFor: rememberFor, MaxOpen: maxOpen / teardown.Lanes,
		Recycle: true, HandOver: true,
		OnBegin:  func(c *teardown.Conn, syn bool) { a.begin(lane, c, syn) },
		OnForget: func(c *teardown.Conn) { a.leave(lane, c) },
	}
	// A remark is about the latest line.
	cfg.Lean = !a.opt.Lines && a.opt.Packet == nil
	if len(a.opt.Chosen) > 0 {
		cfg.LinesIf = a.mayChoose
	}
	if a.ordered() {
		cfg.OnClose = func(c *teardown.Conn) { a.closed(lane, c) }
	}
	return cfg
}

// ordered reports whether somebody wants to have each connection as it closes or leaves.
func (a *Analysis) ordered() bool {
	return a.opt.Each != nil || a.opt.Closed != nil || a.opt.Packet != nil || a.opt.Partial != nil
}

// add gives a segment to its connection.
func (a *Analysis) add(r *record) *teardown.Conn {
	a.over = nil
	if a.second.leap(r.Time) {
		a.gap()
	}
	a.split.Prepare(&r.Record)
	return a.addPrepared(r)
}

func (a *Analysis) addPrepared(r *record) *teardown.Conn {
	return a.tunnels.add(a.split.Of(&r.Record), &r.Record, r.tunnel)
}

// second is that of the latest segment, since 1970.
type second int64

// leap reports whether a segment comes after a gap in time.
func (s *second) leap(at time.Time) bool {
	now := second(at.Unix()) // cheaper than to ask the Table
	if now <= *s {
		return false
	}
	gap := *s > noTime && now-*s > second(LeapAfter/time.Second)
	*s = now
	return gap
}

// begin is for a connection that begins. They are numbered in that order: at once, unless
// another goroutine has some of them.
func (a *Analysis) begin(lane int, c *teardown.Conn, syn bool) {
	l := &a.lanes[lane]
	if !a.apart {
		a.number(c)
	}
	b := begun{conn: c, in: a.tunnels.around(c), at: l.at, syn: syn}
	if l.sheet == nil {
		a.see(&b)
		return
	}
	l.sheet.begun = append(l.sheet.begun, b)
}

func (a *Analysis) number(c *teardown.Conn) {
	a.numbered++
	c.SetNumber(a.numbered)
}

// see notes who is the server of a connection that began.
func (a *Analysis) see(b *begun) {
	if a.again {
		return
	}
	client, server := b.conn.Ends()
	disguise(&client, b.in)
	disguise(&server, b.in)
	a.roles.see(client, server, b.syn)
}

// Summary ends the analysis and says what was found. The error is that of Each or
// Closed, or of writing Options.Partial: then the Summary is of what is decided already.
func (a *Analysis) Summary() (*Summary, error) {
	a.flush()
	a.cover()
	if a.opt.Partial == nil {
		a.err = errors.Join(a.err, a.settle(a.each))
	}
	a.sum.KernelResets = a.kernel.list()
	return a.report(a.opt.Ports), a.err
}

// each yields what waits to be decided.
func (a *Analysis) each(yield func(*undecided) error) error {
	for i := range a.waiting {
		if err := yield(&a.waiting[i]); err != nil {
			return err
		}
	}
	return nil
}

// noTime is before the time of any segment that has one.
const noTime = -62_135_596_800

// gap ends the view of all connections, as nobody knows what became of them meanwhile.
func (a *Analysis) gap() {
	a.flushing, a.cut = true, true
	a.split.Flush()
	a.flushing, a.cut = false, false
	if a.counter != nil {
		a.counter.wait(0)
	}
	a.cover()
}

// cover notes what was seen from the latest gap on.
func (a *Analysis) cover() {
	if !a.from.IsZero() {
		a.views.add(a.from, a.split.Now())
	}
	a.from = time.Time{}
}

// show counts a connection that leaves, and shows it to who asked for it.
func (a *Analysis) show(e *ended) {
	c := e.conn
	if !e.flushed && !c.Done() && e.detail.Reused == nil {
		a.sum.GivenUp++
	}
	a.sum.Connections++
	a.sum.see(e)
	if a.from.IsZero() || e.report.Start.Before(a.from) {
		a.from = e.report.Start
	}
	if !a.opt.Filter.all() && !a.opt.Filter.passes(e) {
		return
	}
	a.sum.Matching++
	a.decide(e)
	if a.opt.Each != nil && a.err == nil && a.chosen(e) {
		a.err = a.opt.Each(a.whole(e))
	}
}

// The bounds of what waits to be decided: in memory, and in the file of a part.
const (
	maxWaiting     = 32_768
	maxPartWaiting = 262_144
)

// mayChoose reports whether a connection that begins is chosen, as far as is known.
func (a *Analysis) mayChoose(n int, t segment.Tuple, at time.Time) bool {
	return slices.ContainsFunc(a.opt.Chosen, func(c Choice) bool { return c.may(n, t, at) })
}

// chosen reports whether a connection is for Each.
func (a *Analysis) chosen(e *ended) bool {
	return len(a.opt.Chosen) == 0 || slices.ContainsFunc(a.opt.Chosen, func(c Choice) bool {
		return c.is(e.conn.Number(), e.report.Start, e.client, e.server)
	})
}

// decide counts a connection, or keeps it until all was seen where that may change what
// is counted. Who is the server where no SYN told goes by all connections, and so does a
// limit on silence; and what others see meanwhile is for how long a connection was left
// open.
func (a *Analysis) decide(e *ended) {
	_, silent := e.conn.Silence()
	open := e.flushed && !e.conn.Done()
	unsure := !e.conn.Certain() || silent
	if !unsure && (!open || a.opt.Partial == nil) {
		k := e.fact()
		a.count(&k)
		return
	}
	most := maxWaiting
	if a.opt.Partial != nil {
		most = maxPartWaiting
	}
	if a.waited >= most {
		k := e.fact()
		k.Cause, k.ResetCause = e.report.Cause, e.detail.ResetCause
		a.count(&k)
		a.early++
		return
	}
	a.waited++
	u := e.undecided()
	u.Open = open
	if a.opt.Partial == nil {
		a.waiting = append(a.waiting, u)
		return
	}
	if err := a.opt.Partial.undecided(&u); a.err == nil {
		a.err = err // that of the first; the writer keeps it
	}
}

// undecided is a connection as the Table has it, and, where no SYN tells who is the
// client, turned round.
func (e *ended) undecided() undecided {
	as := e.alone()
	if e.turned {
		as = as.opposite()
	}
	u := undecided{As: as.fact(), View: e.seen.UTC()}
	if !e.conn.Certain() {
		or := as.opposite()
		k := or.fact()
		u.Or = &k
	}
	return u
}

func (a *Analysis) closed(lane int, c *teardown.Conn) {
	a.over = c
	_, silent := c.Silence()
	if a.opt.Closed == nil && !silent {
		return
	}
	d := a.departure(lane, c)
	e := d.ended()
	a.turn(&e)
	if silent {
		if k := e.fact(); !a.again {
			a.silences.add(&k)
		}
		a.idleLimit(&e)
	}
	if a.opt.Closed == nil {
		return
	}
	if a.err == nil && (a.opt.Filter.all() || a.opt.Filter.passes(&e)) {
		whole := a.whole(&e)
		a.kernel.see(whole.Kernel)
		a.err = a.opt.Closed(whole)
	}
}

// whole is the connection with its prose and its lines.
func (a *Analysis) whole(e *ended) *Connection {
	c := &Connection{N: e.conn.Number(), Over: e.conn.Done(), ICMP: e.quoted(), Report: e.conn.Report(), Detail: e.detail}
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
		reason += "; it was not seen since, as the capture has a gap from " + e.seen.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	if c.MissingBytes > 0 {
		reason += fmt.Sprintf("; %s acknowledged that the capture does not have, and a FIN may be among them", were(int(c.MissingBytes), "byte"))
	}
	if c.ICMP != nil {
		reason += c.ICMP.sentence()
	}
	c.Reason = reason + "."
	c.Kernel = a.askKernel(e, c)
	return c
}
