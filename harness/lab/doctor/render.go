package doctor

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"lastack/harness/term"
)

const (
	columns     = 80
	nameWidth   = 16
	statusWidth = 9
)

// Render writes the checks as a plain text table of at most 80 columns, without
// colours, and a last line that sums up. Under the row of what does not
// work stand what it is for and how to fix it. Commands are wrapped so that
// they can be pasted into a shell as they are.
func Render(w io.Writer, checks []Check) error {
	var b strings.Builder
	put(&b, row("CHECK", "STATUS"), []string{"WHAT WAS SEEN"})
	for _, c := range checks {
		put(&b, row(c.Name, string(c.Status)), wrap(term.Escape(c.Detail), columns-nameWidth-statusWidth, ""))
		if c.Status == OK {
			continue
		}
		label := "    wanted for"
		if c.Needed {
			label = "    needed for"
		}
		put(&b, row(label, ""), wrap(c.For, columns-nameWidth, ""))
		put(&b, row("    fix", ""), wrap(c.Mend, columns-nameWidth, continuation(c.Mend)))
	}
	b.WriteString("\n" + summary(checks) + "\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("doctor: write the table: %w", err)
	}
	return nil
}

// row pads the columns before the text. An empty status leaves its column out.
func row(name, status string) string {
	s := fmt.Sprintf("%-*s", nameWidth, name)
	if status != "" {
		s += fmt.Sprintf("%-*s", statusWidth, status)
	}
	return s
}

// put writes lines beside and below head. No lines, no head.
func put(b *strings.Builder, head string, lines []string) {
	for i, line := range lines {
		if i > 0 {
			head = strings.Repeat(" ", utf8.RuneCountInString(head))
		}
		b.WriteString(strings.TrimRight(head+line, " ") + "\n")
	}
}

// continuation is what a broken line ends in: a shell's backslash in a command,
// nothing in a sentence.
func continuation(fix string) string {
	first, _, _ := strings.Cut(fix, " ")
	switch first {
	case "sudo", "sysctl", "modprobe", "apt-get", "mkdir", "mknod", "chmod", "mount", "rm":
		return ` \`
	}
	return ""
}

// wrap breaks text at blanks into lines of at most width characters, each but the
// last ending in end. Only a sentence's word longer than a line is broken itself.
func wrap(text string, width int, end string) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		for end == "" && utf8.RuneCountInString(word) > width {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			r := []rune(word)
			lines, word = append(lines, string(r[:width])), string(r[width:])
		}
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word)+len(end) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line+end), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// summary is one line.
func summary(checks []Check) string {
	needed, wanted := len(Lacking(checks)), 0
	for _, c := range checks {
		if c.Status != OK && (!c.Needed || c.Status == Limited) {
			wanted++
		}
	}
	s := "Everything needed works."
	if needed > 0 {
		s = fmt.Sprintf("Needed and missing: %d.", needed)
	}
	if wanted > 0 {
		s += fmt.Sprintf(" Limited, or optional and missing: %d.", wanted)
	}
	return s
}
