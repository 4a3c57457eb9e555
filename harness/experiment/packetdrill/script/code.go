package script

import "fmt"

// Code is a block "%{ ... }%": statements about TCP_INFO, in the small part of Python
// that scripts use. See [Code.Run].
//
// The statements are "assert condition", "assert condition, message", "name = value",
// "name += value" (and -=, *=), "print(...)", which does nothing, "pass", and "if
// condition: statement" on one line. They stand on lines of their own or behind ';'.
// Expressions have numbers, names, strings, tuples and lists; or, and, not; == != < <= >
// >=, chained as in Python, in, not in; | ^ & << >> + - * / // % and the unary ones; and
// the functions abs, int, min and max.
type Code struct {
	Pos        Pos
	Text       string
	Statements []Statement
}

// Statement is one statement; its types are the package's own.
type Statement interface {
	run(env *Env) error
}

// Env is what statements read and write. A runner keeps one for a script, as variables
// live from one block to the next.
type Env struct {
	// Lookup returns the value of a field of TCP_INFO by its name, "tcpi_state" for
	// one; false if there is none. It comes after Vars and before the constants of the
	// TCP_INFO interface, such as TCPI_OPT_SYN_DATA and TCP_CA_Open.
	Lookup func(name string) (int64, bool)
	// Vars are the variables that statements assigned; nil for none yet.
	Vars map[string]int64
}

// AssertError is an assertion that does not hold.
type AssertError struct {
	Pos Pos
	// Condition is the assertion as written.
	Condition string
	// Values are the names in it in the order in which they stand there, with what
	// they are: "tcpi_snd_cwnd is 7, cwnd is 10".
	Values string
}

func (e *AssertError) Error() string {
	s := fmt.Sprintf("%s: %s does not hold", e.Pos, quote(e.Condition))
	if e.Values != "" {
		s += ": " + e.Values
	}
	return s
}

// Run executes the statements up to the first that fails. The error is an *AssertError
// for an assertion that does not hold, and an *Error for what cannot be computed, such as
// a name that is unknown or a division by zero.
func (c *Code) Run(env *Env) error {
	for _, s := range c.Statements {
		if err := s.run(env); err != nil {
			return err
		}
	}
	return nil
}

// codeStates are the names of states that FreeBSD's scripts use, with Linux's numbers.
var codeStates = map[string]int64{
	"TCPI_ESTABLISHED": 1, "TCPI_SYN_SENT": 2, "TCPI_SYN_RECEIVED": 3, "TCPI_FIN_WAIT_1": 4, "TCPI_FIN_WAIT_2": 5,
	"TCPI_TIME_WAIT": 6, "TCPI_CLOSED": 7, "TCPI_CLOSE_WAIT": 8, "TCPI_LAST_ACK": 9, "TCPI_LISTEN": 10,
	"TCPI_CLOSING": 11, "TCPI_NEW_SYN_RECV": 12, "True": 1, "False": 0,
}

// value looks a name up.
func (e *Env) value(name string) (int64, bool) {
	if v, ok := e.Vars[name]; ok {
		return v, true
	}
	if e.Lookup != nil {
		if v, ok := e.Lookup(name); ok {
			return v, true
		}
	}
	if v, ok := codeStates[name]; ok {
		return v, true
	}
	return linux(name)
}
