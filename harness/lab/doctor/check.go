package doctor

import (
	"fmt"
	"strings"
	"unicode"
)

// Status is how a check came out.
type Status string

// The statuses.
const (
	// OK: it was tried and it works.
	OK Status = "ok"
	// Missing: it does not work, or could not be tried.
	Missing Status = "missing"
	// Limited: it works in part, or something else does its work here.
	Limited Status = "limited"
)

// Check is one thing that was tried.
type Check struct {
	// Name of the thing, at most 14 bytes: "/dev/net/tun", "curl".
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Needed tells that lastack's labs do not work without it.
	Needed bool `json:"needed"`
	// Detail is what was seen, in one line.
	Detail string `json:"detail"`
	// Mend is the command that fixes it, or a sentence where no single command
	// does. Empty where nothing has to be fixed.
	Mend string `json:"mend,omitempty"`
	// For is what lastack uses it for, in one line.
	For string `json:"for"`
}

// Lacking returns the checks of needed things that are missing. A program that
// must have them all exits with status 3 if there are any.
func Lacking(checks []Check) []Check {
	var lacking []Check
	for _, c := range checks {
		if c.Needed && c.Status == Missing {
			lacking = append(lacking, c)
		}
	}
	return lacking
}

// finding is what came of trying something.
type finding struct {
	status      Status
	detail, fix string
}

func works(format string, args ...any) finding {
	return finding{status: OK, detail: fmt.Sprintf(format, args...)}
}

func fails(detail, fix string) finding {
	return finding{status: Missing, detail: detail, fix: fix}
}

// of makes the check of a finding.
func (f finding) of(t trial) Check {
	return Check{
		Name: t.name, Needed: t.needed, For: t.use,
		Status: f.status, Detail: oneLine(f.detail), Mend: oneLine(f.fix),
	}
}

// oneLine makes one printable line of what may be another program's output.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
