// Lastack is a TCP host in userspace, on a TUN device, whose close path can be
// watched, tuned and broken. "lastack help" lists its commands.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"lastack/harness/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Without this, a pipe that nobody reads any more would end the program on the spot,
	// and a device or socket would be left behind.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	// Work ends as soon as its output can no longer be written.
	ctx, cancel := context.WithCancel(ctx)
	out := term.NewOutput(os.Stdout, cancel)
	root := command()
	root.SetOut(out)
	err := outcome(root.ExecuteContext(ctx), out.Err())
	cancel()
	stop()
	if err != nil {
		if line := message(err); line != "" {
			fmt.Fprintln(os.Stderr, "lastack: "+line)
		}
	}
	os.Exit(status(err))
}
