package churn

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"lastack/harness/experiment"
	"lastack/harness/term/paragraph"
)

const header = `                             failed for:   first    TIME_WAIT on:
mode         client     made no port  other failure client  server    per s
`

// tableColumns is how wide the table is.
const tableColumns = 80

// Write makes a table of the results for a person, and a sentence for each mode on what it
// shows, at most so many columns wide (0 is 80): where there is no room for the table each
// result is a paragraph. Color allows ANSI colours.
func Write(w io.Writer, results []Result, color bool, columns int) error {
	t := text{color: color, columns: cmp.Or(columns, tableColumns)}
	if t.columns >= tableColumns {
		t.b.WriteString(header)
	}
	for i := range results {
		if t.columns >= tableColumns {
			t.row(&results[i])
		} else {
			t.narrow(&results[i])
		}
	}
	for i := range results {
		if i == 0 || results[i].Mode != results[i-1].Mode {
			t.b.WriteString("\n" + paragraph.Hanging(results[i].lesson(), results[i].Mode+": ", t.columns))
		}
	}
	for i := range results {
		if r := &results[i]; r.Verdict != experiment.Pass {
			t.b.WriteByte('\n')
			t.verdict(r, ": ", fmt.Sprintf("%s, %s as the client: %s", r.Mode, r.Subject, r.Why))
		}
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

// text is a Write under way.
type text struct {
	b       strings.Builder
	color   bool
	columns int
}

// verdict writes a paragraph that begins with a result's verdict.
func (t *text) verdict(r *Result, mark, words string) {
	lines := paragraph.Hanging(words, experiment.Shout(r.Verdict, false)+mark, t.columns)
	if t.color {
		lines = strings.Replace(lines, experiment.Shout(r.Verdict, false), experiment.Shout(r.Verdict, true), 1)
	}
	t.b.WriteString(lines)
}

// failures are those for want of a port, and the others.
func (r *Result) failures() (noPort, other int) {
	for kind, n := range r.Failures {
		if kind != experiment.NoPort {
			other += n
		}
	}
	return r.Failures[experiment.NoPort], other
}

// narrow is one result where there is no room for its row.
func (t *text) narrow(r *Result) {
	noPort, other := r.failures()
	words := fmt.Sprintf("%s, %s as the client: %d made", r.Mode, r.Subject, r.Made)
	if noPort > 0 {
		words += fmt.Sprintf(", %d without a port", noPort)
	}
	if r.First != nil {
		words += fmt.Sprintf(" from number %d on", *r.First)
	}
	if other > 0 {
		words += fmt.Sprintf(", %d failed otherwise", other)
	}
	words += fmt.Sprintf("; TIME_WAIT: client %d, server %d; %.0f per s", r.TimeWait.Client, r.TimeWait.Server, r.PerSecond)
	for _, kind := range slices.Sorted(maps.Keys(r.Failures)) {
		if kind != experiment.NoPort {
			words += fmt.Sprintf("; %s (%d)", kind, r.Failures[kind])
		}
	}
	t.verdict(r, " ", words)
}

// row is one result, and a line for each error that is not the expected one.
func (t *text) row(r *Result) {
	first := "none"
	if r.First != nil {
		first = fmt.Sprint(*r.First)
	}
	noPort, other := r.failures()
	fmt.Fprintf(&t.b, "%-12s %-8s %6d %7d %6d %7s %6d  %6d %8.0f %s\n", r.Mode, r.Subject, r.Made,
		noPort, other, first, r.TimeWait.Client, r.TimeWait.Server, r.PerSecond, experiment.Shout(r.Verdict, t.color))
	for _, kind := range slices.Sorted(maps.Keys(r.Failures)) {
		if kind != experiment.NoPort {
			fmt.Fprintf(&t.b, "%29d other: %s\n", r.Failures[kind], kind)
		}
	}
}

// lesson is what a result shows: a sentence about the mode, with the numbers of
// this run.
func (r *Result) lesson() string {
	m, err := ParseMode(r.Mode)
	switch {
	case err != nil:
		return err.Error()
	case m.pool > 0:
		return fmt.Sprintf("%s over %s that %s kept open leave no more than that in TIME_WAIT.",
			count(r.Requests, "request"), count(r.Made, "connection"), isAre(r.Made))
	case m.file.Expect.States.Server == "TIME_WAIT":
		return fmt.Sprintf("the server closes first and TIME_WAIT is its own, so %s went through %d ports: "+
			"the client may use a port again at once, as its new SYN has a larger timestamp or sequence number "+
			"than the server remembers (RFC 6191).", count(r.Made, "connection"), r.Ports)
	case m.file.Load.Rest > 0:
		return fmt.Sprintf("with net.ipv4.tcp_tw_reuse=1 and timestamps the client may take a port out of TIME_WAIT "+
			"after one second, so %s went through %d ports, each taken again a second later at the earliest.",
			count(r.Made, "connection"), r.Ports)
	}
	return r.exhaustion(m)
}

// exhaustion is the lesson of the modes in which ports run out.
func (r *Result) exhaustion(m Mode) string {
	why := "the client closes first and each connection leaves a port in TIME_WAIT for 2MSL"
	if m.wide() {
		why = "twice the ports put the end off and do not remove it"
	}
	if r.First == nil {
		return fmt.Sprintf("%s; %d ports were enough for %s.", why, r.Ports, count(r.Attempted, "connection"))
	}
	return fmt.Sprintf("%s; of %d ports none is left for connection %d: %q.", why, r.Ports, *r.First, experiment.NoPort)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
