package experiment

import (
	"errors"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// StepError is what a step of the client failed with.
type StepError struct {
	Step string `json:"step"`
	// Errno is the system's name of the error, such as EADDRNOTAVAIL; empty if
	// it has none.
	Errno string `json:"errno,omitempty"`
	Text  string `json:"text"`
	// Times is how often the step failed so; Text is of the first time.
	Times int `json:"times"`
	// Expected: the experiment says that the step fails with this.
	Expected bool `json:"expected"`
}

// stepErrors are the errors of a client that may do the same again and again.
type stepErrors []StepError

// add counts an error that the step has had before, and keeps any other.
func (s *stepErrors) add(step *Step, err error) {
	e := StepError{Step: step.String(), Text: err.Error(), Times: 1}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		e.Errno, e.Expected = unix.ErrnoName(errno), errno == step.Fails
	}
	i := slices.IndexFunc(*s, func(o StepError) bool {
		return o.Step == e.Step && o.Errno == e.Errno && (e.Errno != "" || o.Text == e.Text)
	})
	if i < 0 {
		*s = append(*s, e)
		return
	}
	(*s)[i].Times++
}
