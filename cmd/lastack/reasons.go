package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"lastack/harness/capture/reasons"
	"lastack/harness/term"

	"github.com/spf13/cobra"
)

// The words of --reasons.
const (
	reasonsAuto = "auto"
	reasonsOn   = "on"
	reasonsOff  = "off"
)

var reasonsModes = []string{reasonsAuto, reasonsOn, reasonsOff}

func reasonsFlag(c *cobra.Command, mode *string, with string) {
	c.Flags().StringVar(mode, "reasons", reasonsAuto,
		"with "+with+": ask the kernel why it sent a RST, and for which process: `WHEN` is auto, on or off")
}

func checkReasons(mode string) error {
	if !slices.Contains(reasonsModes, mode) {
		return usagef("--reasons %q: give one of %s", mode, strings.Join(reasonsModes, ", "))
	}
	return nil
}

// openReasons asks the kernel from now on; nil where it is not to be asked, or, unless that is
// demanded, cannot be: then it says so.
func openReasons(mode string) (*reasons.Source, error) {
	if mode == reasonsOff {
		return nil, nil
	}
	s, err := reasons.Open()
	if err != nil {
		if mode == reasonsOn {
			return nil, fmt.Errorf("--reasons on: %w", err)
		}
		fmt.Fprintln(os.Stderr, "lastack: "+term.Escape(err.Error())+"; going on without")
		return nil, nil
	}
	for _, err := range s.Without() {
		fmt.Fprintln(os.Stderr, "lastack: "+term.Escape(err.Error())+"; going on without that")
	}
	return s, nil
}
