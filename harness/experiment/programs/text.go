package programs

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"lastack/harness/term"
	"lastack/harness/term/paragraph"
)

// Text writes what was measured as tables of at most 80 columns. A failed write is for
// whoever gave the writer to notice.
func (r *Result) Text(w io.Writer) {
	for _, s := range r.Skipped {
		fmt.Fprint(w, paragraph.Indented("Skipped: "+term.Quote(s), "  "))
	}
	table(w, "server\thandler that fails\tsockets\tCLOSE_WAIT\tcollected", r.Leaks, func(l *Leak) string {
		return fmt.Sprintf("%s\t%s\t%d\t%d\t%d", l.Language, l.Handler, l.Connections, l.CloseWait, l.Collected)
	})
	table(w, "ended by\tcheck\tend\tlock\tpool's socket\tagain\tthen", r.Sessions, func(s *Session) string {
		return fmt.Sprintf("%s\t%s\t%s\t%d ms\t%s\t%s\t%s", s.Ended, s.Check, s.End, s.LockMS, s.Pool, s.works(), s.After)
	})
	for _, s := range r.Sessions {
		if s.Again != works && s.End == "commit" {
			fmt.Fprint(w, paragraph.Indented(fmt.Sprintf("After %s: %s", s.Ended, term.Quote(s.Again)), "  "))
		}
	}
	table(w, "pool\tat once\tper s\tfailed\topened\tTIME_WAIT\tper s", r.Loads, func(l *Load) string {
		return fmt.Sprintf("%s\t%d\t%.0f\t%d\t%d\t%d\t%.0f",
			l.Pool, l.AtOnce, l.PerSecond(l.Requests), l.Failed, l.Opened, l.TimeWait, l.PerSecond(l.TimeWait))
	})
	if len(r.Idles) > 0 {
		fmt.Fprint(w, "\n  Idle: which side's limit closed the connections first?\n")
	}
	table(w, "pool\tkeeps\tserver\tfor\tclient\tserver\tCLOSE_WAIT\tfailed", r.Idles, func(i *Idle) string {
		name, _, _ := strings.Cut(i.Pool, ",")
		return fmt.Sprintf("%s\t%s\t%s\t%d s\t%d\t%d\t%d\t%d", name, seconds(i.KeepMS), seconds(i.ServerMS), i.ServerSeconds,
			i.ClientFirst, i.ServerFirst, i.Client["CLOSE_WAIT"], i.Failed)
	})
}

// works is what the database's pool answers when it does.
const works = "works"

func (s *Session) works() string {
	if s.Again == works {
		return works
	}
	return "fails"
}

func table[T any](w io.Writer, head string, rows []T, row func(*T) string) {
	if len(rows) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "  %s\n", head)
	for i := range rows {
		fmt.Fprintf(t, "  %s\n", row(&rows[i]))
	}
	_ = t.Flush()
}

func seconds(ms int64) string { return fmt.Sprintf("%.4g s", float64(ms)/1000) }
