package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"lastack/harness/host/control"
	"lastack/harness/lab/privilege"
	"lastack/harness/term"

	"github.com/spf13/cobra"
)

const (
	socketName = "lastack.sock"
	// socketFolder is of the user that a host started by root becomes, who could not
	// remove the socket from /run.
	socketFolder = "/run/lastack"
)

// defaultSocket is where serve opens the control API, and where its clients look
// for it: the directory for such files that this user may write to, and nobody
// else. Where there is none it is empty, and a path has to be given.
func defaultSocket() string {
	const mayWrite = 2
	if syscall.Access(filepath.Dir(socketFolder), mayWrite) == nil {
		return filepath.Join(socketFolder, socketName)
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && syscall.Access(dir, mayWrite) == nil {
		return filepath.Join(dir, socketName)
	}
	return ""
}

// makeSocketFolder makes the folder for the default socket, if path is in it, and gives
// it to the user.
func makeSocketFolder(path string, user *privilege.User) error {
	if user == nil || filepath.Dir(path) != socketFolder {
		return nil
	}
	err := os.Mkdir(socketFolder, 0o755)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err == nil {
		// If it is a link, the link itself changes hands: only root can put one there.
		err = os.Lchown(socketFolder, user.UID, user.GID)
	}
	// In a user namespace that has no such user root stays root, who needs no folder.
	if err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("make the folder of the control socket: %w", err)
	}
	return nil
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
	fmt.Fprintf(os.Stderr, "lastack: %s is in use by another lastack; the control API is off. Pass --control PATH to enable it.\n", term.Quote(path))
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
