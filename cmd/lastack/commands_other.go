//go:build !linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	"github.com/spf13/cobra"
)

// errNeedsLinux: the command works with TUN devices, namespaces or Linux' own
// tables.
var errNeedsLinux = errors.New("needs Linux")

// commands are those that read captures, and in place of the others what says why
// they are not there.
func commands() []*cobra.Command {
	all := []*cobra.Command{explainCommand(), diffCommand(), packetdrillCommand()}
	for _, name := range []string{"demo", "list", "run", "claims", "serve", "ss", "monitor", "sysctl", "churn", "bench", "proxy", "check", "doctor"} {
		all = append(all, &cobra.Command{
			Use:   name,
			Short: "(on Linux)",
			Args:  cobra.ArbitraryArgs,
			// Flags that nobody declared here are no mistake.
			DisableFlagParsing: true,
			RunE: func(c *cobra.Command, _ []string) error {
				return fmt.Errorf("%s %w, and this is %s; explain, diff and packetdrill work here", c.Name(), errNeedsLinux, runtime.GOOS)
			},
		})
	}
	return all
}

// lacking reports whether the machine, not the command line, is to blame.
func lacking(err error) bool {
	return errors.Is(err, errNeedsLinux) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission)
}
