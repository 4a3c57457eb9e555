package churn

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"lastack/harness/experiment"
)

const header = `                             failed for:   first    TIME_WAIT on:
mode         client     made no port  other failure client  server    per s
`

// Write makes a table of the results for a person, at most 80 columns wide, and
// a sentence for each mode on what it shows. Color allows ANSI colours.
func Write(w io.Writer, results []Result, color bool) error {
	var b strings.Builder
	b.WriteString(header)
	for i := range results {
		results[i].row(&b, color)
	}
	for i := range results {
		if i == 0 || results[i].Mode != results[i-1].Mode {
			b.WriteString("\n" + wrap(results[i].Mode+": "+results[i].lesson()))
		}
	}
	for i := range results {
		if r := &results[i]; r.Verdict != experiment.Pass {
			b.WriteString("\n" + wrap(fmt.Sprintf("%s: %s, %s as the client: %s", experiment.Shout(r.Verdict, color), r.Mode, r.Subject, r.Why)))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// row is one result, and a line for each error that is not the expected one.
func (r *Result) row(b *strings.Builder, color bool) {
	first, other := "none", 0
	if r.First != nil {
		first = fmt.Sprint(*r.First)
	}
	for kind, n := range r.Failures {
		if kind != experiment.NoPort {
			other += n
		}
	}
	fmt.Fprintf(b, "%-12s %-8s %6d %7d %6d %7s %6d  %6d %8.0f %s\n", r.Mode, r.Subject, r.Made,
		r.Failures[experiment.NoPort], other, first, r.TimeWait.Client, r.TimeWait.Server, r.PerSecond, experiment.Shout(r.Verdict, color))
	for _, kind := range slices.Sorted(maps.Keys(r.Failures)) {
		if kind != experiment.NoPort {
			fmt.Fprintf(b, "%29d other: %s\n", r.Failures[kind], kind)
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

// wrap breaks text at 80 columns; lines after the first are indented.
func wrap(text string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > 80:
			b.WriteString("\n  ")
			column = 2
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String() + "\n"
}
