package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"lastack/harness/capture"
	"lastack/harness/lab"
	"lastack/tun"
)

// Exit statuses, the same for every command.
const (
	exitOK          = 0
	exitFailed      = 1   // a verdict failed, or something broke on the way
	exitUsage       = 2   // bad usage or input
	exitMissing     = 3   // the machine lacks something
	exitInterrupted = 130 // Ctrl-C, as shells count it
)

// exitError ends the program with a status of its own; what there was to say
// has been said if err is nil.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usage marks an error as bad usage or input.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: exitUsage, err: err}
}

func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// status is the exit status that an error calls for.
func status(err error) int {
	var exit *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return exit.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case lacking(err):
		return exitMissing
	}
	return exitFailed
}

// lacking reports whether the machine, not the command line, is to blame: a
// program or device that is missing, a right, or a name or address in use.
func lacking(err error) bool {
	var missing *lab.MissingError
	var unavailable *capture.UnavailableError
	var dev *tun.Error
	return errors.As(err, &missing) || errors.As(err, &unavailable) || errors.As(err, &dev) ||
		errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EADDRINUSE)
}

// message is the error in one line.
func message(err error) string {
	if errors.Is(err, context.Canceled) && status(err) == exitInterrupted {
		return "interrupted"
	}
	return strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
}
