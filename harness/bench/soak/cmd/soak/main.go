package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"

	"lastack/harness/bench/soak"
	"lastack/harness/lab"
	"lastack/tun"
)

func main() {
	if soak.IsChild() {
		if err := soak.Child(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(enter())
}

// enter starts the program again in a lab, and carries the command out there.
func enter() int {
	if !lab.Inside() {
		c, err := parse(os.Args[1:])
		if err != nil {
			return report(err)
		}
		return c.outside()
	}
	err := lab.Setup()
	if err == nil {
		var c *command
		if c, err = parse(os.Args[1:]); err == nil {
			err = c.run(context.Background())
		}
	}
	return report(err)
}

// Exit statuses, as lastack's commands have them.
const (
	failed  = 1
	usage   = 2
	missing = 3
)

// errFailed is a verdict that was printed already.
var errFailed = errors.New("")

func report(err error) int {
	var lacking *lab.MissingError
	var device *tun.Error
	var misused *usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errFailed):
		return failed
	}
	fmt.Fprintln(os.Stderr, "soak:", err)
	switch {
	case errors.As(err, &lacking), errors.As(err, &device), errors.Is(err, fs.ErrPermission):
		return missing
	case errors.As(err, &misused):
		return usage
	}
	return failed
}
