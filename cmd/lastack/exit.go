package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"lastack/harness/term"
)

// Exit statuses, the same for every command.
const (
	exitOK          = 0
	exitFailed      = 1   // a verdict failed, or something broke on the way
	exitUsage       = 2   // bad usage or input
	exitMissing     = 3   // the machine does not have something
	exitInterrupted = 130 // Ctrl-C, as shells count it
	exitPipe        = 141 // nobody reads the output any more, as shells count it
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

// outcome is what a command ended with, given what writing to standard output failed with:
// that is the reason for all else. That nobody reads it any more ("| head") is said to
// nobody.
func outcome(err, unwritten error) error {
	var direct *fs.PathError
	if unwritten == nil && errors.As(err, &direct) && direct.Path == os.Stdout.Name() {
		unwritten = direct
	}
	switch {
	case unwritten == nil:
		return err
	case errors.Is(unwritten, syscall.EPIPE):
		return &exitError{code: exitPipe}
	}
	return &exitError{code: exitFailed, err: unwritten}
}

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

// message is the error in one line. Parts of it are others' choice: names of files and
// interfaces, what a host or a program said.
func message(err error) string {
	if errors.Is(err, context.Canceled) && status(err) == exitInterrupted {
		return "interrupted"
	}
	return term.Escape(strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
}

// badPath marks an error as bad input where it is about one of the paths, as they were
// given, because there is no such folder or something else is there.
func badPath(err error, paths ...string) error {
	var at *fs.PathError
	if !errors.As(err, &at) || !errors.Is(at, fs.ErrNotExist) && !errors.Is(at, syscall.ENOTDIR) && !errors.Is(at, syscall.EISDIR) {
		return err
	}
	for _, p := range paths {
		if p != "" && strings.HasPrefix(at.Path, p) {
			return usage(err)
		}
	}
	return err
}

// parseEach parses what a repeatable flag was given.
func parseEach[T any](list []string, flag string, parse func(string) (T, error)) ([]T, error) {
	var out []T
	for _, s := range list {
		v, err := parse(s)
		if err != nil {
			return nil, usagef("%s %s: %w", flag, s, err)
		}
		out = append(out, v)
	}
	return out, nil
}
