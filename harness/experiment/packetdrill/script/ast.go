package script

import (
	"fmt"
	"time"
)

// Pos is a place in a script. Line and Column count from 1, columns in bytes.
type Pos struct {
	File         string
	Line, Column int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Script is a parsed script. It owns everything below it; nobody changes it after Parse.
type Script struct {
	File    string
	Options []Option
	// IPVersion is "ipv4", "ipv6" or "ipv4-mapped-ipv6": Config's, else the script's, else
	// "ipv6" for a script with a message that only ICMPv6 has, else "ipv4".
	IPVersion string
	// Init is the shell command before the first event, nil for none. It has no time.
	Init *Command
	// Events are in the order in which they are written, which need not be that of
	// their times where times are ranges or AnyTime.
	Events []*Event
	// Cleanup is the shell command after the last event, to be run whatever the
	// outcome; nil for none.
	Cleanup *Command
}

// Option is a line such as --tolerance_usecs=75000 before the first event.
type Option struct {
	Pos Pos
	// Name is without the dashes.
	Name string
	// Value is what follows the '=', without quotes; HasValue tells an empty one from
	// none at all.
	Value    string
	HasValue bool
}

// Option returns the last option of a name, as later ones replace earlier ones.
func (s *Script) Option(name string) (Option, bool) {
	for i := len(s.Options) - 1; i >= 0; i-- {
		if s.Options[i].Name == name {
			return s.Options[i], true
		}
	}
	return Option{}, false
}

// Event is one thing that happens at its time.
type Event struct {
	// Pos is where the time is written.
	Pos  Pos
	Time Time
	// Action is a *Packet, *Syscall, *Command or *Code.
	Action Action
	// Text is the event as written, from behind its time to its last character.
	Text string
}

// Action is what an event does: *Packet, *Syscall, *Command or *Code.
type Action interface{ action() }

func (*Packet) action()  {}
func (*Syscall) action() {}
func (*Command) action() {}
func (*Code) action()    {}

// TimeKind says how an event's time is given.
type TimeKind int

// Kinds of times. Those other than Absolute and Relative stand before outbound packets only.
const (
	// Absolute: At after the start of the script.
	Absolute TimeKind = iota
	// Relative: At after the event before this one ("+.1").
	Relative
	// AnyTime: whenever it happens ("*").
	AnyTime
	// AbsoluteRange: between At and Until after the start of the script ("1~2").
	AbsoluteRange
	// RelativeRange: between At and Until after the event before this one ("+1~+2").
	RelativeRange
)

// Time is when an event happens, in whole microseconds.
type Time struct {
	Kind TimeKind
	At   time.Duration
	// Until ends a range; zero for other kinds.
	Until time.Duration
}

// Command is a shell command in backticks.
type Command struct {
	Pos Pos
	// Text is what stands between the backticks, backslashes included.
	Text string
}

// Syscall is a system call, its arguments, and the result that it must have.
type Syscall struct {
	Pos  Pos
	Name string
	Args []Expr
	// Blocking: the call is made at the event's time and returns at End, which is
	// counted from where the event's Time.At is counted from.
	Blocking bool
	End      time.Duration
	// Result is an *Int, *Ellipsis (anything), *Word or *Or.
	Result Expr
	// Errno is the name of the error that the call must fail with, such as
	// "EINPROGRESS"; empty for none.
	Errno string
	// Note is the remark in parentheses, such as "Operation now in progress"; for
	// people, and without meaning.
	Note string
}
