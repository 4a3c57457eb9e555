package explained

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"lastack/harness/explain"
	"lastack/harness/teardown"
	"lastack/harness/teardown/ladder"
	"lastack/harness/teardown/page"
)

//go:embed *.html page.css
var files embed.FS

// Page is what a page is made of.
type Page struct {
	Summary *explain.Summary
	// Files are the captures that were read.
	Files []string
	// Drawn are the connections that show the Findings, one each, nil where there is none;
	// or there are none at all, and NotDrawn says why.
	Drawn    []*explain.Connection
	NotDrawn string
	// Gone tells that Files are no more to be read: no command draws an example.
	Gone bool
}

// HTML writes the page.
func HTML(w io.Writer, p *Page) error { return page.Execute(w, files, "explained.html", p) }

// The page shows so many of what there may be many of.
const (
	maxRows  = 40 // groups
	maxAlso  = 12 // other hosts of a finding
	maxFiles = 12
)

// Title is what the page is called.
func (p *Page) Title() string {
	switch len(p.Files) {
	case 0:
		return "How connections closed"
	case 1:
		return "How the connections of " + base(p.Files[0]) + " closed"
	}
	return fmt.Sprintf("How the connections of %d captures closed", len(p.Files))
}

// base is the last part of a path of any system.
func base(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path[strings.LastIndexAny(path, `/\`)+1:]
}

// Named are the files that are named.
func (p *Page) Named() []string { return p.Files[:min(len(p.Files), maxFiles)] }

// Unnamed is how many are not.
func (p *Page) Unnamed() int { return len(p.Files) - len(p.Named()) }

// finding is a Finding and its example.
type finding struct {
	explain.Finding
	ID     string
	Shown  []explain.Also // of Also
	More   int
	Ladder template.HTML
	Drawn  *explain.Connection
}

// Findings are those of the Summary.
func (p *Page) Findings() (out []finding) {
	for i, f := range p.Summary.Findings {
		n := finding{Finding: f, ID: fmt.Sprintf("finding_%d", i+1), Shown: f.Also[:min(len(f.Also), maxAlso)]}
		n.More = len(f.Also) - len(n.Shown)
		if i < len(p.Drawn) && p.Drawn[i] != nil {
			n.Drawn = p.Drawn[i]
			n.Ladder = template.HTML(ladder.SVG(&n.Drawn.Report, ladder.Config{}, n.ID+"_ladder"))
		}
		out = append(out, n)
	}
	return out
}

// Name is the finding's kind as a heading.
func (f *finding) Name() string { return strings.ReplaceAll(string(f.Kind), "-", " ") }

// Verdict is that of the example.
func (f *finding) Verdict() string { return ladder.Verdict(&f.Drawn.Report) }

// File is the capture that the example is in, for a command.
func (p *Page) File(f finding) string {
	switch {
	case len(f.ExampleOf) > 0:
		return strings.Join(f.ExampleOf, " ")
	case p.Unnamed() > 0:
		return "FILE..."
	}
	return strings.Join(p.Files, " ")
}

// cause is a row of the table of causes.
type cause struct {
	Cause   teardown.Cause
	N       int
	Percent string
	What    string
}

// Causes are the rows, the most frequent first.
func (p *Page) Causes() (out []cause) {
	s := p.Summary
	for _, c := range s.CausesInOrder() {
		share := 100 * float64(s.Causes[c]) / float64(max(1, s.Matching))
		out = append(out, cause{c, s.Causes[c], fmt.Sprintf("%.1f%%", share), causeWords[c]})
	}
	return out
}

// causeWords say what a cause means, as package teardown defines them.
var causeWords = map[teardown.Cause]string{
	teardown.CauseUnknown:        "the packets allow several causes; the reason of each connection names them",
	teardown.CauseRefused:        "a RST answered the SYN, or a probe of a port where nothing listens",
	teardown.CauseHandshake:      "a RST came before the handshake was over",
	teardown.CauseDataAfterClose: "data came for a side that had closed",
	teardown.CauseAbort:          "SO_LINGER 0, close() with data unread, or a killed process",
	teardown.CauseIdle:           "a limit on silence ended an idle connection",
	teardown.CauseKeepAlive:      "keep-alive probes had no answer",
	teardown.CauseUser:           "retransmissions or zero-window probes were given up",
	teardown.CauseRace:           "a request crossed the end of an idle connection",
	teardown.CauseGaveUp:         "the client ended it while an answer was due",
	teardown.CauseMiddlebox:      "the RST is none of the endpoints'",
	teardown.CauseStateGone:      "the RST answers a segment: its sender no longer knew the connection",
	teardown.CauseFinWait2:       "FIN_WAIT_2 had expired before the other side closed",
	teardown.CauseTimeWaitHit:    "the SYN met an older connection on the same addresses and ports",
	teardown.CauseAssassination:  "a RST ended the other side's TIME_WAIT (RFC 1337)",
}

// Groups are the rows of the table.
func (p *Page) Groups() []explain.Group {
	return p.Summary.Groups[:min(len(p.Summary.Groups), maxRows)]
}

// MoreGroups and MoreConnections are how many have no row.
func (p *Page) MoreGroups() int { return len(p.Summary.Groups) - len(p.Groups()) }

// MoreConnections are those of the groups without a row.
func (p *Page) MoreConnections() (n int) {
	for _, g := range p.Summary.Groups[len(p.Groups()):] {
		n += g.Connections
	}
	return n
}

// Number writes "28,232".
func (p *Page) Number(n int) string { return explain.Number(n) }
