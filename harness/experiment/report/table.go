package report

import (
	"fmt"
	"io"
	"strings"

	"lastack/harness/experiment"
)

// Table writes a line for each experiment with the verdict on each subject, the kernel
// first, and counts them below. Color marks what failed.
func Table(w io.Writer, all []*experiment.Experiment, results []experiment.Result, color bool) error {
	subjects, list := experiment.SubjectsOf(results), entries(all, results)
	first := len("experiment")
	for _, e := range list {
		first = max(first, len(e.Name))
	}
	var b strings.Builder
	line := func(name string, cell func(subject string) string) {
		text := fmt.Sprintf("%-*s", first, name)
		for _, s := range subjects {
			text += fmt.Sprintf("  %-*s", max(len(s), len("skip")), cell(s))
		}
		text = strings.TrimRight(text, " ")
		if color {
			text = strings.ReplaceAll(text, "FAIL", "\x1b[31mFAIL\x1b[0m")
		}
		b.WriteString(text + "\n")
	}
	line("experiment", func(s string) string { return s })
	for _, e := range list {
		line(e.Name, func(s string) string { return cell(e.on(s)) })
	}
	for _, verdict := range []struct{ name, verdict string }{
		{"passed", experiment.Pass}, {"failed", experiment.Fail}, {"skipped", experiment.Skipped},
	} {
		line(verdict.name, func(s string) string { return fmt.Sprint(count(results, s, verdict.verdict)) })
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cell(r *experiment.Result) string {
	switch {
	case r == nil:
		return "-"
	case r.Verdict == experiment.Fail:
		return "FAIL"
	}
	return r.Verdict
}

func count(results []experiment.Result, subject, verdict string) (n int) {
	for i := range results {
		if results[i].Subject == subject && results[i].Verdict == verdict {
			n++
		}
	}
	return n
}
