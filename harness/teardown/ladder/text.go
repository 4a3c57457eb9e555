package ladder

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"lastack/harness/teardown"
)

// arrow draws a segment as an arrow of the given width, with a cross in place of
// its point if it was lost, and returns what found no room on it.
func arrow(l *teardown.Line, width int) (line, below string) {
	label, below := fitLabel(l, width-len("<- ")-len(" -"))
	dashes := width - len(label) - 2 - 1 // two spaces, one point
	left := dashes / 2
	toServer, toClient := ">", "<"
	if !l.Arrived() {
		toServer, toClient = "x", "x"
	}
	if l.From == teardown.Client {
		return strings.Repeat("-", left) + " " + label + " " + strings.Repeat("-", dashes-left) + toServer, below
	}
	return toClient + strings.Repeat("-", dashes-left) + " " + label + " " + strings.Repeat("-", left), below
}

// fitLabel is what to write on a segment's arrow where there is room for so many
// columns, and what has to go below it.
func fitLabel(l *teardown.Line, room int) (label, below string) {
	for _, label = range labels(l) {
		if len(label) <= room {
			return label, ""
		}
	}
	return clip(l.Flags, room), numbers(l)
}

// labels are the ways to write a segment, the longest first. PSH tells nothing
// about a close, and len=0 goes without saying.
func labels(l *teardown.Line) []string {
	flags := strings.Replace(l.Flags, "+PSH", "", 1)
	flags = strings.Replace(flags, "PSH+", "", 1)
	n := numbers(l)
	short := strings.TrimSuffix(n, " len=0")
	return []string{l.Flags + " " + n, flags + " " + n, flags + " " + short}
}

func numbers(l *teardown.Line) string {
	if strings.Contains(l.Flags, "ACK") {
		return fmt.Sprintf("seq=%d ack=%d len=%d", l.Seq, l.Ack, l.Len)
	}
	return fmt.Sprintf("seq=%d len=%d", l.Seq, l.Len)
}

// millis writes microseconds as milliseconds, with as many decimals as fit.
func millis(us int64) string {
	v := float64(us) / 1000
	for prec := 3; prec > 0; prec-- {
		if s := strconv.FormatFloat(v, 'f', prec, 64); len(s) <= timeWidth {
			return s
		}
	}
	if s := strconv.FormatFloat(v, 'f', 0, 64); len(s) <= timeWidth {
		return s
	}
	return strconv.FormatFloat(v/1000, 'f', 0, 64) + "s"
}

// centre pads s to width on both sides; what is too long is cut.
func centre(s string, width int, pad byte) string {
	s = clip(s, width)
	left := (width - len(s)) / 2
	return strings.Repeat(string(pad), left) + s + strings.Repeat(string(pad), width-len(s)-left)
}

// clip cuts s to width and marks the cut.
func clip(s string, width int) string {
	if len(s) <= width {
		return s
	}
	if width < 3 {
		return s[:max(width, 0)]
	}
	return s[:width-2] + ".."
}

// wrap breaks text into lines no longer than width, between words; a longer word
// is cut into pieces.
func wrap(words []string, width int) (lines []string) {
	line := ""
	for _, word := range words {
		for len(word) > width {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			lines, word = append(lines, word[:width]), word[width:]
		}
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// wrapWide breaks text for a picture, which may be of any script, into lines no wider than so many
// columns. Characters that are as wide as two, Chinese ones, need no blank between them for a line
// to end there.
func wrapWide(text string, width int) (lines []string) {
	if ascii(text) == text {
		return wrap(strings.Fields(text), width)
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	line, wide := "", 0
	end := func() {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
		line, wide = "", 0
	}
	for _, piece := range pieces(text) {
		if wide+columns(piece) > width {
			end()
		}
		line, wide = line+piece, wide+columns(piece)
	}
	end()
	return lines
}

// pieces are the parts of a text between which a line may end.
func pieces(text string) (all []string) {
	begin := 0
	for i, r := range text {
		if i > begin && (r == ' ' || columns(string(r)) == 2 && !unicode.IsPunct(r)) {
			all, begin = append(all, text[begin:i]), i
		}
	}
	return append(all, text[begin:])
}

// columns is how wide a text is: from U+2E80 on characters are mostly of the wide scripts.
func columns(text string) (n int) {
	for _, r := range text {
		n++
		if r >= 0x2e80 {
			n++
		}
	}
	return n
}

// ascii replaces what is not printable ASCII, so that a byte is a column and a
// label cannot move the cursor.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// count writes "1 byte", "4,096 bytes" for the noun " byte".
func count(n uint64, noun string) string {
	if n == 1 {
		return "1" + noun
	}
	return number(n) + noun + "s"
}

// number writes "4,096".
func number(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
