package experiment

import (
	"fmt"
	"slices"
	"strings"

	"lastack/harness/teardown"
)

// Pattern is one segment that is expected, or any number of them.
type Pattern struct {
	// Any stands for any number of segments of any kind, none included.
	Any   bool
	From  teardown.Who
	Flags string // without PSH
	Data  bool
	Acks  bool  // carries the ACK of the other side's FIN
	At    Range // in ms since the first FIN or RST

	text string
}

const patternSyntax = "client|server FLAGS [with data] [acks FIN] [at MS..MS], or ... for any number of segments"

// flagSets are the flags a segment of a close has; PSH does not count.
var flagSets = []string{"ACK", "FIN+ACK", "RST", "RST+ACK", "SYN", "SYN+ACK"}

func (p *Pattern) parse(text string) error {
	if text == "..." {
		*p = Pattern{Any: true, text: text}
		return nil
	}
	words := strings.Fields(text)
	if len(words) < 2 {
		return fmt.Errorf("segment %s is not complete; want %s", quote(text), patternSyntax)
	}
	*p = Pattern{From: teardown.Who(words[0]), Flags: words[1], text: text}
	if p.From != teardown.Client && p.From != teardown.Server {
		return fmt.Errorf("segment %s: it is sent by client or server; %s", quote(text),
			suggest(words[0], []string{"client", "server"}))
	}
	if !slices.Contains(flagSets, p.Flags) {
		return fmt.Errorf("segment %s: no flags %s; %s", quote(text), quote(p.Flags), suggest(p.Flags, flagSets))
	}
	for rest := words[2:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 || !p.word(rest[0], rest[1]) {
			return fmt.Errorf("segment %s: %s is not understood; want %s", quote(text), quote(strings.Join(rest, " ")), patternSyntax)
		}
	}
	return nil
}

// word takes one of the pairs of words behind the flags.
func (p *Pattern) word(name, value string) bool {
	switch {
	case name == "with" && value == "data":
		p.Data = true
	case name == "acks" && value == "FIN":
		p.Acks = true
	case name == "at" && p.At.parse(value) == nil:
	default:
		return false
	}
	return true
}

// String is the pattern as the file has it.
func (p Pattern) String() string { return p.text }

// MarshalText gives the pattern as the file has it.
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p.text), nil }

func (Pattern) describe() (what, pattern string) {
	return patternSyntax, `^(\.\.\.|(client|server) [A-Z+]+( with data)?( acks FIN)?( at [0-9.]+)?)$`
}

// matches reports whether the segment is one of those the pattern means.
func (p *Pattern) matches(l *teardown.Line) bool {
	return !p.Any && l.Elided == nil && l.From == p.From && bare(l.Flags) == p.Flags && (l.Len > 0) == p.Data &&
		(l.Carries != "") == p.Acks && p.At.Has(millis(l.TimeUS))
}

func bare(flags string) string {
	words := slices.DeleteFunc(strings.Split(flags, "+"), func(f string) bool { return f == "PSH" })
	return strings.Join(words, "+")
}

func millis(us int64) float64 { return float64(us) / 1000 }

// describeLine writes a segment in the words of a pattern.
func describeLine(l *teardown.Line) string {
	if l.Elided != nil {
		return "segments that were not kept"
	}
	s := string(l.From) + " " + bare(l.Flags)
	if l.Len > 0 {
		s += " with data"
	}
	if l.Carries != "" {
		s += " acks FIN"
	}
	return s + fmt.Sprintf(" at %.2f ms", millis(l.TimeUS))
}

// differ compares the segments with the patterns; the answer is the first difference in
// words, or empty. Lost segments do not count: the copy that arrived is compared.
func differ(want []Pattern, got []teardown.Line) string {
	got = teardown.Undisturbed(got)
	reached, ok := match(want, got)
	switch {
	case ok:
		return ""
	case reached.pattern == len(want):
		return fmt.Sprintf("segment %d of the close is %q, expected none", reached.line+1, describeLine(&got[reached.line]))
	case reached.line == len(got):
		return fmt.Sprintf("segment %d of the close is missing, expected %q", reached.line+1, want[reached.pattern])
	}
	return fmt.Sprintf("segment %d of the close is %q, expected %q", reached.line+1,
		describeLine(&got[reached.line]), want[reached.pattern])
}

// place is where a comparison stands.
type place struct{ pattern, line int }

// match reports whether the lines are what the patterns say, and how far they
// agree. It goes back to the latest "..." when they do not, which then swallows
// one line more.
func match(want []Pattern, got []teardown.Line) (furthest place, ok bool) {
	var at, back place
	gap := false
	for at.line < len(got) || at.pattern < len(want) {
		if at.line > furthest.line || at.line == furthest.line && at.pattern > furthest.pattern {
			furthest = at
		}
		switch {
		case at.pattern < len(want) && want[at.pattern].Any:
			back, gap = at, true
			at.pattern++
		case at.pattern < len(want) && at.line < len(got) && want[at.pattern].matches(&got[at.line]):
			at.pattern++
			at.line++
		case gap && back.line < len(got):
			back.line++
			at = place{back.pattern + 1, back.line}
		default:
			return furthest, false
		}
	}
	return at, true
}
