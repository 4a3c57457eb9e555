package lab

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// Foreground makes the program that Start starts the terminal's foreground group, so that
// it reads what is typed, and Ctrl-C is its own. It does nothing, and returns false, where
// standard input is no terminal that this process belongs to. The process that
// started the lab takes the terminal back with KeepTerminal.
func (c *Cmd) Foreground() bool {
	if _, err := unix.IoctlGetInt(unix.Stdin, unix.TIOCGPGRP); err != nil {
		return false
	}
	c.SysProcAttr.Foreground, c.SysProcAttr.Ctty = true, unix.Stdin
	return true
}

// KeepTerminal is called before Reexec by who lets a program in the lab have the terminal.
// What it returns makes this process's group the foreground group again, whatever the
// lab left behind. Where standard input is no terminal, or this process is in the
// background of one, it does nothing.
func KeepTerminal() (takeBack func()) {
	group, err := unix.IoctlGetInt(unix.Stdin, unix.TIOCGPGRP)
	if err != nil || group != unix.Getpgrp() {
		return func() {}
	}
	mode, modeErr := unix.IoctlGetTermios(unix.Stdin, unix.TCGETS)
	return func() {
		// Of the background, as which this process acts now, the change is not taken else.
		if !signal.Ignored(unix.SIGTTOU) {
			signal.Ignore(unix.SIGTTOU)
			defer signal.Reset(unix.SIGTTOU)
		}
		// A terminal that is gone needs neither.
		_ = unix.IoctlSetPointerInt(unix.Stdin, unix.TIOCSPGRP, group)
		if modeErr == nil {
			_ = unix.IoctlSetTermios(unix.Stdin, unix.TCSETSW, mode)
		}
	}
}

// Terminal reports whether a person may type into a file.
func Terminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
