package impair

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SyntaxError is why a line is no rule.
type SyntaxError struct {
	// Rule is the line, Word what was not understood, empty at its end.
	Rule, Word string
	// Want says what was expected in place of the word.
	Want string
}

// Error names the word and what was expected.
func (e *SyntaxError) Error() string {
	if e.Word == "" {
		return fmt.Sprintf("rule %q ends too early: want %s", e.Rule, e.Want)
	}
	return fmt.Sprintf("rule %q: %q is not understood: want %s", e.Rule, e.Word, e.Want)
}

// Parse reads a rule; see the package's documentation. Its error is a
// *SyntaxError.
func Parse(line string) (Rule, error) {
	p := parser{words: strings.Fields(line)}
	for _, step := range []func(){p.action, p.count, p.kind, p.clauses} {
		if step(); p.want != "" {
			return Rule{}, &SyntaxError{Rule: line, Word: p.peek(), Want: p.want}
		}
	}
	return p.rule, nil
}

// parser reads words from left to right. want is set at the first that it does
// not understand, which then is the next word.
type parser struct {
	words   []string
	rule    Rule
	counted bool // the rule has a count
	want    string
}

func (p *parser) peek() string {
	if len(p.words) == 0 {
		return ""
	}
	return p.words[0]
}

// take skips the next word if it is the given one.
func (p *parser) take(word string) bool {
	if len(p.words) == 0 || !strings.EqualFold(p.words[0], word) {
		return false
	}
	p.words = p.words[1:]
	return true
}

// oneOf skips the next word if it is one of the list, and tells which.
func (p *parser) oneOf(list []string) (int, bool) {
	i := slices.IndexFunc(list, p.take)
	return i, i >= 0
}

// expect skips the next word, which has to be the given one.
func (p *parser) expect(word string) bool {
	if !p.take(word) {
		p.want = strconv.Quote(word)
		return false
	}
	return true
}

func (p *parser) action() {
	i, ok := p.oneOf(actions[:])
	if !ok {
		p.want = list(actions[:])
		return
	}
	p.rule.Action = Action(i)
}

func (p *parser) count() {
	r, before := &p.rule, len(p.words)
	switch {
	case p.take("every"):
		if n, ok := p.ordinal(); ok {
			r.Picks, r.N = EveryNth, n
			p.ofAll()
		}
	case p.take("the"):
		p.numbered()
		p.ofAll()
	case strings.HasSuffix(p.peek(), "%"):
		p.percent()
	}
	p.counted = len(p.words) < before
	// Numbers that say nothing else than shorter words do.
	if r.N == 1 && !r.OfAll {
		switch r.Picks {
		case EveryNth:
			r.Picks, r.N = Every, 0
		case FirstN:
			r.Picks = Nth
		}
	}
}

// numbered reads what follows "the".
func (p *parser) numbered() {
	r := &p.rule
	if p.take("first") {
		r.Picks, r.N = Nth, 1
		if n, ok := number(p.peek()); ok {
			r.Picks, r.N = FirstN, n
			p.words = p.words[1:]
		}
		return
	}
	n, ok := p.ordinal()
	if !ok {
		p.want = `a number such as "1st" or "3rd", or "first"`
		return
	}
	r.Picks, r.N = Nth, n
}

// ofAll reads "of all", if it is there.
func (p *parser) ofAll() {
	if p.want == "" && p.take("of") && p.expect("all") {
		p.rule.OfAll = true
	}
}

func (p *parser) percent() {
	digits := strings.TrimSuffix(p.peek(), "%")
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || strings.Trim(digits, "0123456789.") != "" || v <= 0 || v > 100 {
		p.want = "a percentage of more than 0 and at most 100"
		return
	}
	p.rule.Picks, p.rule.Percent = Percent, v
	p.words = p.words[1:]
	if p.expect("of") {
		p.take("all")
	}
}

// ordinal reads "1st", "2nd" and so on.
func (p *parser) ordinal() (int, bool) {
	w := strings.ToLower(p.peek())
	for _, suffix := range []string{"st", "nd", "rd", "th"} {
		if digits, ok := strings.CutSuffix(w, suffix); ok {
			if n, ok := number(digits); ok {
				p.words = p.words[1:]
				return n, true
			}
		}
	}
	return 0, false
}

// number is a count: digits only.
func number(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return int(n), err == nil && n >= 1 && n <= maxN
}

// what are the kinds that are one word, or the words behind "segment with".
var what = []struct {
	name string
	kind Kind
}{{"SYN", SYN}, {"SYN+ACK", SYNACK}, {"FIN", FIN}, {"RST", RST}, {"data", Data}}

const whatNames = "SYN, SYN+ACK, FIN, RST or data"

func (p *parser) kind() {
	pure := p.take("pure")
	switch {
	case p.take("ACK") || p.take("ACKs"):
		p.ack(pure)
	case pure:
		p.want = `"ACK"`
	case p.take("segment") || p.take("segments"):
		if p.take("with") && !p.named(false) {
			p.want = whatNames
		}
	case !p.named(true):
		p.want = `"segments", "pure ACK", "ACK of a FIN", ` + whatNames
		if !p.counted {
			p.want += `, or a count such as "every", "the 1st", "the first 3" or "5% of"`
		}
	}
}

// ack reads what follows "ACK". Nearly every segment has that flag, so alone it
// would be no kind.
func (p *parser) ack(pure bool) {
	p.rule.Kind = ACKOfFIN
	if pure {
		p.rule.Kind = PureACK
		if !strings.EqualFold(p.peek(), "of") {
			return
		}
		p.rule.Kind = PureACKOfFIN
	}
	_ = p.expect("of") && p.expect("a") && p.expect("FIN")
}

// named reads a kind that is one word.
func (p *parser) named(plural bool) bool {
	for _, w := range what {
		if p.take(w.name) || plural && w.kind != Data && p.take(w.name+"s") {
			p.rule.Kind = w.kind
			return true
		}
	}
	return false
}

func (p *parser) clauses() {
	r := &p.rule
	from := false
	for p.want == "" {
		switch {
		case !from && p.take("from"):
			from = true
			i, ok := p.oneOf(senders[:])
			if !ok {
				p.want = list(senders[:])
			}
			r.From = From(max(i, 0))
		case r.Port == 0 && p.take("on"):
			p.port()
		case r.Action == Delay && r.Delay == 0 && p.take("by"):
			p.delay()
		default:
			p.end(from)
			return
		}
	}
}

// end is where no clause follows: the rule has to be complete.
func (p *parser) end(from bool) {
	var open []string
	if !from {
		open = append(open, `"from host", "from peer" or "from either"`)
	}
	if p.rule.Action == Delay && p.rule.Delay == 0 {
		open = append(open, `"by" and a time such as "30 ms"`)
	}
	switch {
	case len(open) > 0:
		p.want = strings.Join(open, ", and ")
	case len(p.words) > 0 && p.rule.Port == 0:
		p.want = `the end of the rule, or "on port"`
	case len(p.words) > 0:
		p.want = "the end of the rule"
	}
}

func (p *parser) port() {
	if !p.expect("port") {
		return
	}
	n, err := strconv.ParseUint(p.peek(), 10, 16)
	if err != nil || n == 0 {
		p.want = "a port, 1 to 65535"
		return
	}
	p.rule.Port = uint16(n)
	p.words = p.words[1:]
}

// delay reads "30 ms", "30ms" or "1.5 s".
func (p *parser) delay() {
	text, used := strings.ToLower(p.peek()), 1
	if len(p.words) > 1 && strings.Trim(text, "0123456789.") == "" {
		text, used = text+strings.ToLower(p.words[1]), 2
	}
	digits := strings.TrimSuffix(strings.TrimSuffix(text, "s"), "m")
	known := strings.HasSuffix(text, "s") && strings.Trim(digits, "0123456789.") == ""
	d, err := time.ParseDuration(text)
	d = d.Round(time.Microsecond)
	if !known || err != nil || d <= 0 || d > maxDelay {
		p.want = fmt.Sprintf(`a time in ms or s, such as "30 ms", at most %s`, duration(maxDelay))
		return
	}
	p.rule.Delay = d
	p.words = p.words[used:]
}

// list is `"a", "b" or "c"`.
func list(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == len(words)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(w))
	}
	return b.String()
}
