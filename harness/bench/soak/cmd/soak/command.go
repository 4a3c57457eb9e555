// Command soak loads a host on a bad wire and says what is left over:
//
//	soak run [-minutes N]                        lastack, with everything at once
//	soak compare                                 lastack and the kernel, same load and wire
//	soak measure loss|busy [-subject NAME,...]   how many connections get stuck
//
// It exits 0 if all is well, 1 if not, 2 for bad usage and 3 if the machine does not have
// something.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"lastack/harness/lab"
)

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// command is something that happens in labs.
type command struct {
	// labs has further arguments for each lab that the command is carried out in,
	// one after the other.
	labs [][]string
	// outsideLab goes through the labs in place of outside; nil is outside.
	outsideLab func() error
	run        func(context.Context) error
}

// commands make a command of its arguments.
var commands = map[string]func(*flag.FlagSet, []string) (*command, error){
	"run": parseRun, "compare": parseCompare, "measure": parseMeasure,
}

func parse(args []string) (*command, error) {
	if len(args) == 0 || commands[args[0]] == nil {
		return nil, &usageError{fmt.Errorf("give one of run, compare and measure; each says more with -h")}
	}
	f := flag.NewFlagSet("soak "+args[0], flag.ContinueOnError)
	return commands[args[0]](f, args[1:])
}

// parseFlags reads flags, and makes a mistake bad usage.
func parseFlags(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); err != nil {
		return &usageError{err}
	}
	if f.NArg() > 0 {
		return &usageError{fmt.Errorf("%q is one argument too many", f.Arg(0))}
	}
	return nil
}

// seedFlag is the same in every command. The seed is handed to the lab, so that
// one that the clock chose is the same there.
func seedFlag(f *flag.FlagSet, seed *uint64) {
	f.Uint64Var(seed, "seed", uint64(time.Now().UnixNano()), "of habits, sizes, contents and forgeries; netfilter's losses have none")
}

// outside carries the command out in its labs, and returns the worst status.
func (c *command) outside() int {
	if c.outsideLab != nil {
		return report(c.outsideLab())
	}
	worst := 0
	for _, more := range c.labs {
		args := append(append([]string{}, os.Args[1:]...), more...)
		code, err := lab.Reexec(context.Background(), lab.Options{Args: args})
		if err != nil {
			code = report(err)
		}
		worst = max(worst, code)
	}
	return worst
}
