// Lastack is a TCP host in userspace, on a TUN device, whose close path can be
// watched, tuned and broken. "lastack help" lists its commands.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		if line := message(err); line != "" {
			fmt.Fprintln(os.Stderr, "lastack: "+line)
		}
	}
	os.Exit(status(err))
}
