package main

import (
	"errors"
	"io/fs"
	"syscall"

	"lastack/harness/capture"
	"lastack/harness/capture/reasons"
	"lastack/harness/experiment/packetdrill/ontun"
	"lastack/harness/lab"
	"lastack/harness/lab/wire"
	"lastack/stack"
	"lastack/tun"

	"github.com/spf13/cobra"
)

// commands are all that there are.
func commands() []*cobra.Command {
	return []*cobra.Command{
		demoCommand(), listCommand(), runCommand(), claimsCommand(), serveCommand(), labCommand(), ssCommand(), monitorCommand(),
		sysctlCommand(), explainCommand(), diffCommand(), churnCommand(), benchCommand(),
		packetdrillCommand(), packetdrillHelperCommand(), proxyCommand(), checkCommand(), doctorCommand(),
	}
}

// quiet keeps gVisor's log out of what commands print.
func quiet() { stack.LogTo(nil) }

// lacking reports whether the machine, not the command line, is to blame: a
// program or device that is missing, a right, or a name or address in use.
func lacking(err error) bool {
	var missing *lab.MissingError
	var unavailable *capture.UnavailableError
	var kernel *reasons.UnavailableError
	var dev *tun.Error
	var start *wire.StartError
	var helper *ontun.StartError
	return errors.As(err, &missing) || errors.As(err, &unavailable) || errors.As(err, &kernel) || errors.As(err, &dev) || errors.As(err, &start) ||
		errors.As(err, &helper) ||
		errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EADDRINUSE)
}
