package packetdrill

import (
	"fmt"

	"lastack/harness/experiment/packetdrill/script"
)

// Failure is where a subject does otherwise than a script says.
type Failure struct {
	Pos script.Pos
	// Why is one line: what differs.
	Why string
	// Expected and Got are what the script says, and what happened, in the script's words;
	// Got is empty if nothing did.
	Expected, Got string
}

func (f *Failure) Error() string { return fmt.Sprintf("%s: %s", f.Pos, f.Why) }

// Unable is why a script cannot be run, or not to its end: the runner or the subject does
// not do what it asks for.
type Unable struct {
	Pos script.Pos
	Why string
}

func (u *Unable) Error() string { return fmt.Sprintf("%s: %s", u.Pos, u.Why) }

func unsupported(p script.Pos, format string, args ...any) error {
	return &Unable{p, fmt.Sprintf(format, args...)}
}
