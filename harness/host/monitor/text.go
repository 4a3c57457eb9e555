package monitor

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lastack/harness/lab/sockstat"
	"lastack/harness/term"
)

const (
	columns = 80
	// shown is how many destinations and holders a look prints; JSON has more.
	shown = 3
	// worthwhile is the share of the ports, in percent, below which a
	// destination that never runs out is not worth a line.
	worthwhile = 1
)

// writeText prints a report: a line with the states, and one for each thing that
// deserves it.
func writeText(w io.Writer, r *Report) error {
	var b strings.Builder
	b.WriteString(wrap(r.Time.Format(time.TimeOnly), "  ", stateWords(r)))
	lines := 0
	for i := range r.Destinations {
		d := &r.Destinations[i]
		if lines == shown || d.RunsOutMS == nil && d.Taken*100 < worthwhile*d.Ports {
			continue
		}
		lines++
		b.WriteString(wrap("  to "+d.Remote.String()+":", " ", destinationWords(d)))
	}
	for i, h := range r.CloseWait {
		if i == shown {
			fmt.Fprintf(&b, "  CLOSE-WAIT: and %d more who hold some\n", len(r.CloseWait)-shown)
			break
		}
		b.WriteString(wrap("  CLOSE-WAIT:", " ", holderWords(&h)))
	}
	for _, a := range r.Alarms {
		if a.New {
			b.WriteString("ALARM " + term.Escape(a.String()) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// holderWords are "45 of nginx (812), seen for 3h0m0s, 40 more than an hour ago".
func holderWords(h *Holder) []string {
	words := []string{fmt.Sprintf("%d of %s,", h.Count, h.Owner), seen(h.SeenMS)}
	if h.MoreThanBefore == nil || *h.MoreThanBefore == 0 {
		return words
	}
	more, than := *h.MoreThanBefore, "more"
	if more < 0 {
		more, than = -more, "fewer"
	}
	words[1] += ","
	ago := seconds(h.BeforeMS)
	if h.BeforeMS == compareWith.Milliseconds() {
		ago = "an hour"
	}
	return append(words, fmt.Sprintf("%d %s than %s ago", more, than, ago))
}

func stateWords(r *Report) []string {
	var words []string
	for _, state := range sockstat.States() {
		c, ok := r.States[state]
		if !ok {
			continue
		}
		word := fmt.Sprintf("%s %d", sockstat.SSName(state), c.N)
		if c.PerSecond != 0 {
			word += fmt.Sprintf(" (%+.1f/s)", c.PerSecond)
		}
		words = append(words, word)
	}
	if words == nil {
		return []string{"no sockets"}
	}
	return words
}

func destinationWords(d *Destination) []string {
	words := []string{fmt.Sprintf("%d of %d ports taken,", d.Taken, d.Ports)}
	rate := fmt.Sprintf("%.1f/s", d.PerSecond)
	if d.LivePerSecond > 0 {
		rate += fmt.Sprintf(" and %.1f/s that stay", d.LivePerSecond)
	}
	switch {
	case d.Left == 0:
		return append(words, rate+":", "none left")
	case d.RunsOutMS != nil:
		return append(words, rate+":", "none left in "+seconds(*d.RunsOutMS))
	case d.PerSecond > 0:
		return append(words, rate+":", fmt.Sprintf("settles at %.0f", d.SettlesAt))
	}
	return append(words, rate)
}

// wrap puts words behind a beginning, and on further lines where 80 columns do
// not suffice.
func wrap(begin, gap string, words []string) string {
	var b strings.Builder
	line := term.Escape(begin)
	for _, w := range words {
		w = term.Escape(w)
		if len(line)+len(gap)+len(w) > columns {
			b.WriteString(line + "\n")
			line = "          " + w
			continue
		}
		line += gap + w
	}
	return b.String() + line + "\n"
}

func seen(ms int64) string {
	if ms == 0 {
		return "seen first now"
	}
	return "seen for " + seconds(ms)
}

// seconds is a time as people say it: "25s", "2m5s", under ten seconds "1.5s".
func seconds(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// writeSummary prints what all looks together showed.
func writeSummary(w io.Writer, s *Summary) error {
	words := []string{fmt.Sprintf("%d looks in %s;", s.Looks, seconds(int64(s.SecondsWatched*1000))), "at most"}
	if s.Looks == 1 {
		words = []string{"1 look;", "at most"}
	}
	for _, state := range sockstat.States() {
		if n := s.Peak[state]; n > 0 {
			words = append(words, fmt.Sprintf("%s %d", sockstat.SSName(state), n))
		}
	}
	if len(s.Peak) == 0 {
		words = append(words, "no sockets")
	}
	words[len(words)-1] += ";"
	_, err := io.WriteString(w, wrap("summary:", " ", append(words, alarmWords(s.Alarms))))
	return err
}

func alarmWords(n int) string {
	switch n {
	case 0:
		return "no alarm"
	case 1:
		return "1 alarm"
	}
	return fmt.Sprintf("%d alarms", n)
}
