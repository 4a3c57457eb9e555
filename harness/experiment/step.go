package experiment

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Step is one thing done with the client's socket, as a line of words.
type Step struct {
	// Verb is one of the table's.
	Verb string
	// Data is what send and echo send, and what connect hands to the call that connects,
	// for Fast Open.
	Data []byte
	// N is how many bytes read reads, and the local port of connect; 0 means to
	// EOF, and any port.
	N int
	// Wait is how long wait waits.
	Wait time.Duration
	// Fails is how the step must fail; 0 if it must not.
	Fails syscall.Errno

	text string
}

// verb is one row of the table of steps.
type verb struct {
	name, form, doc string
	parse           func(s *Step, arg string) error
}

// verbs are all the steps there are.
func verbs() []verb {
	return []verb{
		{
			"connect", `connect [from PORT] [with N|"TEXT"]`,
			"open a connection to the server, from a local port if one is given, and with data that may travel in the SYN, if net.ipv4.tcp_fastopen of both sides permits it", (*Step).connecting,
		},
		{"send", `send N | send "TEXT"`, `send N bytes, or a text in Go's quotes: "GET / HTTP/1.0\r\n\r\n"`, (*Step).data},
		{"read", "read N | read to EOF", "read N bytes, or until the peer's FIN", (*Step).amount},
		{"echo", "echo N", "send N bytes and read as many, which must be the same", (*Step).echoing},
		{"half-close", "half-close", "shutdown(SHUT_WR): send a FIN and go on reading", (*Step).nothing},
		{"shut-read", "shut-read", "shutdown(SHUT_RD)", (*Step).nothing},
		{"cork", "cork", "set TCP_CORK, so that what is sent waits for the FIN; on the kernel only", (*Step).nothing},
		{"close", "close", "close()", (*Step).nothing},
		{"abort", "abort", "close() with SO_LINGER 0", (*Step).nothing},
		{"forget", "forget", "make the NAT in the middle lose its table of connections, as a router does that restarts; with through: nat only", (*Step).nothing},
		{"wait", "wait DURATION", "do nothing for a while: wait 20ms", (*Step).pause},
	}
}

// failures are the errors that a step may be said to fail with.
var failures = map[string]syscall.Errno{
	"EADDRINUSE": syscall.EADDRINUSE, "EADDRNOTAVAIL": syscall.EADDRNOTAVAIL, "ECONNREFUSED": syscall.ECONNREFUSED,
	"ECONNRESET": syscall.ECONNRESET, "EPIPE": syscall.EPIPE, "ETIMEDOUT": syscall.ETIMEDOUT,
}

// Bounds of what a step may ask for.
const (
	longestWait = 5 * time.Minute
	mostData    = 1 << 20
)

func (s *Step) parse(text string) error {
	body, how, fails := text, "", false
	if i := strings.LastIndex(text, " fails "); i >= 0 {
		body, how, fails = text[:i], text[i+len(" fails "):], true
	}
	name, arg, _ := strings.Cut(body, " ")
	all := verbs()
	i := slices.IndexFunc(all, func(v verb) bool { return v.name == name })
	if i < 0 {
		var names []string
		for _, v := range all {
			names = append(names, v.name)
		}
		return fmt.Errorf("there is no step %s; %s", quote(name), suggest(name, names))
	}
	*s = Step{Verb: name, text: text}
	if err := all[i].parse(s, arg); err != nil {
		return fmt.Errorf("step %s: %w; want %s", quote(text), err, all[i].form)
	}
	if !fails {
		return nil
	}
	errno, ok := failures[how]
	if !ok {
		return fmt.Errorf("step %s: there is no error %s; %s", quote(text), quote(how), suggest(how, failureNames()))
	}
	s.Fails = errno
	return nil
}

func failureNames() []string {
	var names []string
	for name := range failures {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// String is the step as the file has it.
func (s Step) String() string { return s.text }

// MarshalText gives the step as the file has it.
func (s Step) MarshalText() ([]byte, error) { return []byte(s.text), nil }

func (s *Step) connecting(arg string) error {
	if from, ok := strings.CutPrefix(arg, "from "); ok {
		text, rest, _ := strings.Cut(from, " ")
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("%s is not a local port", quote(text))
		}
		s.N, arg = int(n), rest
	}
	if arg == "" {
		return nil
	}
	with, ok := strings.CutPrefix(arg, "with ")
	if !ok {
		return fmt.Errorf("%s is not understood", quote(arg))
	}
	return s.data(with)
}

func (s *Step) data(arg string) error {
	if strings.HasPrefix(arg, `"`) {
		text, err := strconv.Unquote(arg)
		if err != nil || text == "" {
			return errors.New("the text is not quoted as in Go, or empty")
		}
		s.Data = []byte(text)
		return nil
	}
	n, err := amount(arg)
	s.Data = []byte(strings.Repeat("x", n))
	return err
}

func (s *Step) amount(arg string) (err error) {
	if arg != "to EOF" {
		s.N, err = amount(arg)
	}
	return err
}

func (s *Step) echoing(arg string) (err error) {
	if s.N, err = amount(arg); err == nil {
		err = s.data(arg)
	}
	return err
}

// closes reports whether the step ends a connection, or waits for its end.
func (s Step) closes() bool {
	return s.Verb == "half-close" || s.Verb == "close" || s.Verb == "abort" || s.Verb == "read" && s.N == 0
}

func amount(arg string) (int, error) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 || n > mostData {
		return 0, fmt.Errorf("%s is not a number of bytes from 1 to %d", quote(arg), mostData)
	}
	return n, nil
}

func (s *Step) pause(arg string) (err error) {
	s.Wait, err = time.ParseDuration(arg)
	if err != nil || s.Wait <= 0 || s.Wait > longestWait {
		return fmt.Errorf("%s is not a duration up to %v, such as 20ms or 1.5s", quote(arg), longestWait)
	}
	return nil
}

func (s *Step) nothing(arg string) error {
	if arg != "" {
		return fmt.Errorf("%s is one word too many", quote(arg))
	}
	return nil
}

func (Step) describe() (what, pattern string) {
	names := make([]string, 0, len(verbs()))
	for _, v := range verbs() {
		names = append(names, v.name)
	}
	return "a step, which may end with fails ERROR", "^(" + strings.Join(names, "|") + ")( .*)?$"
}
