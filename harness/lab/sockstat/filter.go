package sockstat

import (
	"fmt"
	"slices"
)

// Filter says which sockets to show. The zero value shows none; make it with
// ParseFilter.
type Filter struct {
	// States to show.
	States []string
	// Chosen: the states were named, by "state" or "exclude".
	Chosen bool
	// Family is 4, 6, or 0 for both.
	Family int

	match func(*Socket) bool // nil takes everything
}

// Which is what ss shows without being told states: -a, -l, or neither.
type Which int

// Without a flag, ss shows connections, but those in SYN-RECV and TIME-WAIT.
const (
	Connections Which = iota
	All
	Listening
)

// ParseFilter reads what ss takes after its flags:
//
//	{ state STATE | exclude STATE }... [EXPRESSION]
//
// where an EXPRESSION is made of "src ADDR", "dst ADDR", "sport OP PORT" and
// "dport OP PORT" with "and", "or", "not" and parentheses. Words may come in one
// argument or in several.
func ParseFilter(args []string, which Which) (*Filter, error) {
	p := parser{words: words(args)}
	f := &Filter{States: initial(which)}
	for {
		word := p.peek()
		if word != "state" && word != "exclude" {
			break
		}
		if err := f.choose(&p); err != nil {
			return nil, err
		}
	}
	if p.peek() == "" {
		return f, nil
	}
	match, err := p.expression()
	if err != nil {
		return nil, err
	}
	if word := p.peek(); word != "" {
		return nil, fmt.Errorf("%q comes after a complete filter; join two with \"and\" or \"or\"", word)
	}
	f.match = match
	return f, nil
}

// initial are the states that a flag stands for.
func initial(which Which) []string {
	switch which {
	case All:
		return States()
	case Listening:
		return []string{"LISTEN"}
	}
	return slices.DeleteFunc(States(), func(s string) bool { return !connected(s) || bucket(s) })
}

// choose reads "state X" or "exclude X". The first "state" replaces what the
// flags stand for, and each further one adds to it.
func (f *Filter) choose(p *parser) error {
	word := p.next()
	name := p.next()
	if name == "" {
		return fmt.Errorf("%q wants the name of a state after it", word)
	}
	named, err := ParseStates(name)
	if err != nil {
		return err
	}
	switch {
	case word == "exclude":
		f.States = slices.DeleteFunc(f.States, func(s string) bool { return slices.Contains(named, s) })
	case !f.Chosen:
		f.States = named
	default:
		f.States = append(f.States, named...)
	}
	f.Chosen = true
	return nil
}

// Match reports whether a socket is to be shown.
func (f *Filter) Match(s *Socket) bool {
	switch {
	case f.Family == 4 && !s.is4(), f.Family == 6 && s.is4():
		return false
	case !slices.Contains(f.States, s.State):
		return false
	}
	return f.match == nil || f.match(s)
}

// Single is the only state that was asked for by name, or "". ss leaves the
// column of states out then.
func (f *Filter) Single() string {
	if f.Chosen && len(f.States) == 1 {
		return f.States[0]
	}
	return ""
}
