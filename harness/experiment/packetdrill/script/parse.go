package script

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// Parse reads a script; file is its name in positions and errors. An error is an *Error,
// about the first mistake in the script.
func Parse(file string, text []byte, c Config) (*Script, error) {
	if len(text) > MaxScript {
		return nil, &Error{Pos: Pos{File: file, Line: 1, Column: 1},
			Text: fmt.Sprintf("the script has more than %d bytes, the most that is read", MaxScript)}
	}
	p := &parser{lexer: newLexer(file, string(text), c), config: c}
	maps.Copy(p.defines, c.Defines)
	s := p.script(file)
	if p.wantsV6 {
		c.IPVersion = "ipv6"
		return Parse(file, text, c)
	}
	if p.err != nil {
		return nil, p.err
	}
	return s, nil
}

// parser reads one script by recursive descent, one token ahead. After its first error it
// sees the end of the script, so that every loop ends there.
type parser struct {
	*lexer
	config Config
	tok    token
	// end is where the token before tok ends; endIfdef is lexer.ifdef there.
	end, endIfdef int
	depth         int
	// version is that of IP, empty where nothing says it; v6: packets are of IPv6.
	version string
	v6      bool
	// wantsV6: nothing says which version, and the script has what only IPv6 has.
	wantsV6 bool
	err     *Error
}

func (p *parser) fail(off int, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{Pos: p.pos(min(off, len(p.text))), Text: fmt.Sprintf(format, args...)}
	}
	p.off = len(p.text)
	p.ifdef = -1
	p.tok = token{kind: tokEOF, off: p.off, end: p.off}
}

// advance moves to the next token.
func (p *parser) advance() {
	p.end, p.endIfdef = p.tok.end, p.ifdef
	p.tok = p.next()
}

// resume continues behind what was read by character.
func (p *parser) resume(off int) {
	p.tok.end, p.lexer.off = off, off
	p.advance()
}

// unexpected fails because the token at hand is not what is wanted.
func (p *parser) unexpected(want string) {
	switch t := p.tok; t.kind {
	case tokBad:
		p.fail(t.off, "%s", t.text)
	case tokEOF:
		p.fail(t.off, "the script ends where %s is expected", want)
	default:
		p.fail(t.off, "%s where %s is expected", quote(p.text[t.off:t.end]), want)
	}
}

func (p *parser) expect(punct string) {
	if !p.accept(punct) {
		p.unexpected(quote(punct))
	}
}

func (p *parser) accept(punct string) bool {
	if !p.tok.is(punct) {
		return false
	}
	p.advance()
	return true
}

func (p *parser) acceptWord(word string) bool {
	if !p.tok.isWord(word) {
		return false
	}
	p.advance()
	return true
}

// integer reads a number from 0 to most.
func (p *parser) integer(what string, most int64) int64 {
	t := p.tok
	if t.kind == tokWord && !t.defined {
		p.fail(t.off, "%s where %s is expected; if it is to be defined, -D %s=VALUE does so", quote(t.text), what, clip(t.text))
	}
	if t.kind != tokInt {
		p.unexpected(what)
		return 0
	}
	if t.num < 0 || t.num > most {
		p.fail(t.off, "%s is %s, and must be from 0 to %d", what, quote(t.text), most)
		return 0
	}
	p.advance()
	return t.num
}

func (p *parser) script(file string) *Script {
	s := &Script{File: file}
	p.advance()
	p.options(s)
	if p.err == nil {
		p.settle(s)
	}
	if p.tok.kind == tokBackquoted {
		s.Init = p.command()
	}
	for p.tok.kind != tokEOF && p.tok.kind != tokBackquoted {
		if len(s.Events) == maxEvents {
			p.fail(p.tok.off, "more than %d events", maxEvents)
			break
		}
		s.Events = append(s.Events, p.event())
	}
	if p.err == nil && len(s.Events) == 0 {
		p.fail(p.tok.off, "the script has no events")
	}
	if p.tok.kind == tokBackquoted {
		s.Cleanup = p.command()
	}
	if p.tok.kind != tokEOF {
		p.fail(p.tok.off, "a command without a time is the last thing in a script, or the first; give it a time such as +0")
	}
	return s
}

func (p *parser) command() *Command {
	c := &Command{Pos: p.pos(p.tok.off), Text: p.tok.text}
	p.advance()
	return c
}

func (p *parser) event() *Event {
	e := &Event{Pos: p.pos(p.tok.off)}
	at := p.tok.off
	e.Time = p.time()
	from := p.tok.off
	outbound := p.tok.is(">")
	switch t := p.tok; {
	case t.is("<") || outbound:
		e.Action = p.packet()
	case t.kind == tokBackquoted:
		e.Action = p.command()
	case t.kind == tokCode:
		e.Action = p.code()
	case t.kind == tokWord || t.kind == tokEllipsis:
		e.Action = p.syscall()
	default:
		p.unexpected("a packet, a system call, a command in backticks or %{ code }%")
		return e
	}
	if p.err == nil {
		e.Text = p.text[from:p.end]
	}
	if !outbound && e.Time.Kind == AnyTime {
		p.fail(at, "the time \"*\" is for outbound packets only")
	}
	if !outbound && (e.Time.Kind == AbsoluteRange || e.Time.Kind == RelativeRange) {
		p.fail(at, "a range of times is for outbound packets only")
	}
	return e
}

func (p *parser) time() Time {
	at := p.tok.off
	if p.accept("*") {
		return Time{Kind: AnyTime}
	}
	t := Time{Kind: Absolute}
	until := AbsoluteRange
	if p.accept("+") {
		t.Kind, until = Relative, RelativeRange
	}
	t.At = p.seconds("the time of an event")
	if p.accept("~") {
		t.Kind = until
		if until == RelativeRange {
			p.expect("+")
		}
		t.Until = p.seconds("the end of a range of times")
		if t.Until < t.At {
			p.fail(at, "the range of times ends before it begins")
		}
	}
	return t
}

// seconds reads a number of seconds, down to the microsecond.
func (p *parser) seconds(what string) time.Duration {
	t := p.tok
	if t.kind != tokInt && t.kind != tokFloat || t.hex {
		p.unexpected(what)
		return 0
	}
	if strings.HasPrefix(t.text, "-") {
		p.fail(t.off, "%s is negative", what)
		return 0
	}
	whole, fraction, _ := strings.Cut(t.text, ".")
	s, err := strconv.ParseInt("0"+whole, 10, 64)
	if err != nil || s > maxSeconds {
		p.fail(t.off, "%s is %s seconds; at most %d are possible", what, quote(t.text), maxSeconds)
		return 0
	}
	// Six digits are read, as the original does; there are no more digits than zeros here.
	us, _ := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	p.advance()
	return time.Duration(s)*time.Second + time.Duration(us)*time.Microsecond
}

func (p *parser) syscall() *Syscall {
	s := &Syscall{Pos: p.pos(p.tok.off)}
	if p.tok.kind == tokEllipsis {
		p.advance()
		s.Blocking, s.End = true, p.seconds("the time at which the system call returns")
	}
	t := p.tok
	if t.kind != tokWord {
		p.unexpected("the name of a system call")
		return s
	}
	s.Name = t.text
	p.advance()
	if !p.tok.is("(") {
		p.unexpected("the \"(\" of the system call " + quote(s.Name))
		return s
	}
	if !knownSyscall(s.Name) {
		p.fail(t.off, "no system call %s%s", quote(s.Name), suggest(s.Name, syscalls))
		return s
	}
	p.advance()
	s.Args = p.list(")")
	p.expect("=")
	s.Result = p.expr()
	p.outcome(s)
	return s
}

// outcome reads the name of an error and the remark after a system call's result.
func (p *parser) outcome(s *Syscall) {
	if t := p.tok; t.kind == tokWord {
		s.Errno = t.text
		if _, ok := Constant(s.Errno); !ok || s.Errno[0] != 'E' {
			p.fail(t.off, "no error %s%s", quote(s.Errno), suggest(s.Errno, errnos()))
			return
		}
		p.advance()
		if p.strict && !p.tok.is("(") {
			p.unexpected("a remark such as (Invalid argument)")
		}
	}
	if p.tok.is("(") {
		s.Note = p.note()
	}
}

// note reads a remark, which is for people, up to its parenthesis.
func (p *parser) note() string {
	from := p.tok.off + 1
	n := strings.IndexAny(p.text[from:], ")\n")
	if n < 0 || p.text[from+n] != ')' {
		p.fail(p.tok.off, "the remark is not ended by \")\" on its line")
		return ""
	}
	p.resume(from + n + 1)
	return strings.TrimSpace(p.text[from : from+n])
}
