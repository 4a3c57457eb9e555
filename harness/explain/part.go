package explain

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/netip"

	"lastack/harness/capture"
)

// The file of a part is JSON, one document a line, and compressed with gzip; it is read
// without that, too:
//
//	{"header": {"lastack": "explain partial", "version": 1, "files": [...], ...}}
//	{"connection": {...}}      undecided ones, see undecided
//	{"counts": {...}}          and what else evidence has, in lines of their own
//	{"end": {"lines": 17, "sha256": "..."}}
//
// The sum is that of all lines between the first and the last. It names the part: the same
// packets give the same part, whatever their file is called.
const (
	partKind    = "explain partial"
	partVersion = 2
)

// line is one of them: one of its fields is set.
type line struct {
	Header     *header          `json:"header,omitempty"`
	Connection *undecided       `json:"connection,omitempty"`
	Counts     *countsLine      `json:"counts,omitempty"`
	Group      *groupLine       `json:"group,omitempty"`
	Server     *serverLine      `json:"server,omitempty"`
	Leak       *leakLine        `json:"leak,omitempty"`
	Pair       *pairLine        `json:"pair,omitempty"`
	SYNs       []netip.AddrPort `json:"syns,omitempty"`
	Shares     []shareLine      `json:"shares,omitempty"`
	Ports      map[uint16]int   `json:"ports,omitempty"`
	Timeline   *timelineLine    `json:"timeline,omitempty"`
	End        *endLine         `json:"end,omitempty"`
}

type header struct {
	Lastack string   `json:"lastack"`
	Version int      `json:"version"`
	Files   []string `json:"files"`
	// Filter and Thresholds are what was counted by; parts of others do not add up.
	Filter     string      `json:"filter"`
	Thresholds []threshold `json:"thresholds"`
}

type endLine struct {
	Lines  int    `json:"lines"`
	SHA256 string `json:"sha256"`
}

// countsLine is a Summary's counts, and what there is one of.
type countsLine struct {
	*Summary
	Connections int             `json:"connections"`
	Matching    int             `json:"matching"`
	Records     capture.Skipped `json:"records"`
	Told        []string        `json:"told"`
	Views       views           `json:"views"`
	Overflowed  int             `json:"overflowed"`
	Early       int             `json:"early"`
	ServersLost bool            `json:"servers_lost"`
	LeaksLost   bool            `json:"leaks_lost"`
	PairsLost   bool            `json:"pairs_lost"`
	SetLost     bool            `json:"set_lost"`
	RolesFull   bool            `json:"roles_full"`
}

type groupLine struct {
	Server netip.AddrPort `json:"server"` // none for other servers
	Close  string         `json:"close"`
	Of     *group         `json:"of"`
}

type serverLine struct {
	Server netip.AddrPort `json:"server"`
	N      int            `json:"n"`
	Of     *host          `json:"of"`
}

type leakLine struct {
	Who netip.AddrPort `json:"who"`
	N   int            `json:"n"`
	Of  *leak          `json:"of"`
}

type pairLine struct {
	Client netip.Addr     `json:"client"`
	Server netip.AddrPort `json:"server"`
	N      int            `json:"n"`
	Of     *holder        `json:"of"`
}

type shareLine struct {
	End netip.AddrPort `json:"end"`
	N   int            `json:"n"`
}

type timelineLine struct {
	WidthMS int64                  `json:"width_ms"`
	Slots   map[int64]*[nKinds]int `json:"slots"` // since 1970, by the order of Kinds
}

// PartialWriter writes what one capture adds to a report of several. It is for
// Options.Partial.
type PartialWriter struct {
	gz    *gzip.Writer
	sum   hash.Hash
	lines int
	err   error // the first
}

// NewPartialWriter begins the file of a part on w. files names what is read, and the
// Filter is that of the Analysis.
func NewPartialWriter(w io.Writer, files []string, f Filter) *PartialWriter {
	p := &PartialWriter{gz: gzip.NewWriter(w), sum: sha256.New()}
	p.write(p.gz, &line{Header: &header{partKind, partVersion, files, f.String(), thresholds()}})
	return p
}

func (p *PartialWriter) write(w io.Writer, l *line) {
	if p.err != nil {
		return
	}
	doc, err := json.Marshal(l)
	if err == nil && len(doc) >= maxLine {
		err = fmt.Errorf("a line of %d bytes is too long", len(doc))
	}
	if err == nil {
		_, err = w.Write(append(doc, '\n'))
	}
	if err != nil {
		p.err = fmt.Errorf("writing the partial: %w", err)
	}
}

// add writes a line that counts.
func (p *PartialWriter) add(l *line) {
	p.lines++
	p.write(io.MultiWriter(p.gz, p.sum), l)
}

func (p *PartialWriter) undecided(u *undecided) error {
	p.add(&line{Connection: u})
	return p.err
}

// Close writes what the Analysis has counted, after its Summary, and ends the file. What
// it was made on stays its caller's to close.
func (p *PartialWriter) Close(a *Analysis) error {
	v := &a.evidence
	p.counts(v)
	for _, k := range sortedBy(v.groups.all, groupKey.compare) {
		p.add(&line{Group: &groupLine{k.server, string(k.close), v.groups.all[k]}})
	}
	f := &v.findings
	for _, k := range sortedBy(f.servers.counts, compareAddrPort) {
		p.add(&line{Server: &serverLine{k, f.servers.counts[k].n, &f.servers.counts[k].v}})
	}
	for _, k := range sortedBy(f.leaks.counts, compareAddrPort) {
		p.add(&line{Leak: &leakLine{k, f.leaks.counts[k].n, &f.leaks.counts[k].v}})
	}
	for _, k := range sortedBy(f.pairs.counts, pair.compare) {
		p.add(&line{Pair: &pairLine{k.client, k.server, f.pairs.counts[k].n, &f.pairs.counts[k].v}})
	}
	p.roles(&v.roles)
	if t := &v.timeline; t.slots != nil {
		p.add(&line{Timeline: &timelineLine{slotWidths[t.width].Milliseconds(), t.slots}})
	}
	p.seal()
	if err := p.gz.Close(); p.err == nil && err != nil {
		p.err = fmt.Errorf("writing the partial: %w", err)
	}
	return p.err
}

// seal writes the last line.
func (p *PartialWriter) seal() {
	p.write(p.gz, &line{End: &endLine{p.lines, hex.EncodeToString(p.sum.Sum(nil))}})
}

func (p *PartialWriter) counts(v *evidence) {
	sum := v.sum
	sum.Findings, sum.Groups, sum.Warnings, sum.Timeline = nil, nil, nil, nil
	sum.Begin, sum.End = sum.Begin.UTC(), sum.End.UTC()
	f := &v.findings
	p.add(&line{Counts: &countsLine{
		Summary: &sum, Connections: sum.Connections, Matching: sum.Matching, Records: sum.records,
		Told: sum.told[:min(len(sum.told), maxTold)], Views: v.views, Overflowed: v.groups.overflowed, Early: v.early,
		ServersLost: f.servers.lost, LeaksLost: f.leaks.lost, PairsLost: f.pairs.lost, SetLost: f.setLost, RolesFull: v.roles.full,
	}})
}

// roles writes what is known of ends, so many a line.
func (p *PartialWriter) roles(r *roles) {
	const most = 1024
	var syns []netip.AddrPort
	for _, end := range sortedBy(r.syns, compareEndpoint) {
		if syns = append(syns, end.AddrPort()); len(syns) == most {
			p.add(&line{SYNs: syns})
			syns = nil
		}
	}
	if len(syns) > 0 {
		p.add(&line{SYNs: syns})
	}
	var shares []shareLine
	for _, end := range sortedBy(r.shares, compareEndpoint) {
		if shares = append(shares, shareLine{end.AddrPort(), r.shares[end]}); len(shares) == most {
			p.add(&line{Shares: shares})
			shares = nil
		}
	}
	if len(shares) > 0 {
		p.add(&line{Shares: shares})
	}
	if len(r.ports) > 0 {
		p.add(&line{Ports: r.ports})
	}
}

// The bounds of the file of a part, beside those of what is counted.
const (
	maxLine  = 1 << 20 // of which the ports of all connections take most
	maxFiles = 65_536
	maxTold  = 100
	maxName  = 4096
	maxKinds = 4096
	maxCount = 1 << 48
)
