package shell

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"lastack/harness/lab"
)

// Config describes a shell. Dir is required.
type Config struct {
	// Dir is a folder of the shell's own.
	Dir string
	// Help is what "lab" prints.
	Help string
	// Env is added to the environment, as "KEY=value".
	Env []string
	// Command is run in place of a shell: a program and its arguments.
	Command []string
	// Stdout is the command's standard output. Nil is this process's. A shell's is the
	// terminal.
	Stdout io.Writer
}

// Run runs the shell, or the command, until it ends or ctx does, and returns its exit
// status: 128 and the signal's number where one ended it. An error means that it did not
// run. It is a *lab.MissingError if the program is not installed.
func Run(ctx context.Context, cfg Config) (status int, err error) {
	if err := prepare(&cfg); err != nil {
		return 0, err
	}
	args := cfg.Command
	if len(args) == 0 {
		args = interactive(cfg.Dir)
	}
	// The command is looked for where it will look for others.
	if err := os.Setenv("PATH", filepath.Join(cfg.Dir, "bin")+":"+os.Getenv("PATH")); err != nil {
		return 0, err
	}
	c := lab.Command(ctx, args[0], args[1:]...)
	if c.Err == nil && ownProc(ctx) {
		c = lab.Command(ctx, "unshare", slices.Concat([]string{"--mount-proc", "--", c.Path}, args[1:])...)
	}
	c.Env = append(os.Environ(), cfg.Env...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	if cfg.Stdout != nil {
		c.Stdout = cfg.Stdout
	}
	c.Foreground()
	err = c.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case !errors.As(err, &exit):
		return 0, err
	}
	if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return exit.ExitCode(), nil
}

// ownProc reports whether the shell can have a /proc of the lab's processes: with that of
// the outside, ps shows strangers, and a program does not find itself. Containers may forbid it.
func ownProc(ctx context.Context) bool {
	return lab.Command(ctx, "unshare", "--mount-proc", "true").Run() == nil
}

// interactive is the shell: bash, where there is one, for a prompt that says where one is
// does not survive every other shell's files.
func interactive(dir string) []string {
	rc := filepath.Join(dir, "rc")
	args := []string{"sh", "-i"}
	if bash, err := exec.LookPath("bash"); err == nil {
		args = []string{bash, "--rcfile", rc, "-i"}
	}
	// The lab ignores what stops a background process that uses the terminal, and a shell's
	// jobs would inherit that.
	if help, err := exec.Command("env", "--help").Output(); err == nil && strings.Contains(string(help), "--default-signal") {
		args = append([]string{"env", "--default-signal=TTIN,TTOU"}, args...)
	}
	return args
}

// prepare writes the files, and completes the environment.
func prepare(cfg *Config) error {
	bin := filepath.Join(cfg.Dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		return err
	}
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"help": cfg.Help, "rc": rc} {
		if err := os.WriteFile(filepath.Join(cfg.Dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(bin, "lab"), []byte(script), 0o700); err != nil {
		return err
	}
	cfg.Env = append(cfg.Env, "LASTACK_LAB_DIR="+cfg.Dir, "ENV="+filepath.Join(cfg.Dir, "rc"))
	return os.Symlink(self, filepath.Join(bin, "lastack"))
}

// rc is read by bash and by POSIX shells alike.
const rc = `[ -n "${BASH_VERSION:-}" ] && [ -r ~/.bashrc ] && . ~/.bashrc
unset PROMPT_COMMAND
case $PATH in "$LASTACK_LAB_DIR"/bin:*) ;; *) PATH=$LASTACK_LAB_DIR/bin:$PATH ;; esac
PS1='lastack lab$ '
`

// script is the command "lab" inside the lab.
const script = `#!/bin/sh
case ${1:-help} in
help | -h | --help) exec cat "$LASTACK_LAB_DIR/help" ;;
closes)
	sleep 0.1 # a close that is on its way
	if [ -s "$LASTACK_LAB_DIR/closes" ]; then
		exec tail -n "${2:-60}" "$LASTACK_LAB_DIR/closes"
	fi
	echo "no connection has closed yet" ;;
*)
	echo "lab: there is no \"$1\"; there are: lab, lab closes [LINES]" >&2
	exit 2 ;;
esac
`
