package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"lastack/harness/control"

	"github.com/spf13/cobra"
)

// defaultSocket is where serve opens the control API, and where its clients look
// for it: the directory for such files that this user may write to, and nobody
// else. Where there is none it is empty, and a path has to be given.
func defaultSocket() string {
	const mayWrite = 2
	for _, dir := range []string{"/run", os.Getenv("XDG_RUNTIME_DIR")} {
		if dir != "" && syscall.Access(dir, mayWrite) == nil {
			return filepath.Join(dir, "lastack.sock")
		}
	}
	return ""
}

// socketFlag gives a command that asks a running host the flag for its socket.
func socketFlag(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "socket", defaultSocket(), "the running host's control `socket`")
}

// freeSocket is the default socket for a host about to start, or empty, with a
// word on standard error, where another host answers on it: nobody asked for it.
func freeSocket(ctx context.Context, path string) string {
	if path == "" {
		return ""
	}
	if _, err := control.NewClient(path).Host(ctx); err != nil {
		return path
	}
	fmt.Fprintf(os.Stderr, "lastack: another host has %s: no control API here; give --control a socket for one\n", path)
	return ""
}

// clientError sorts what a control.Client failed with: a refusal is the user's
// input, all else means that there is no host to ask.
func clientError(err error) error {
	var refused *control.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &refused):
		return usage(err)
	}
	return &exitError{code: exitMissing, err: err}
}
