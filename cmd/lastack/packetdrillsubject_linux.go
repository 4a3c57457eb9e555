package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lastack/harness/experiment"
	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/kernelcalls"
	"lastack/harness/experiment/packetdrill/ontun"
	"lastack/harness/lab"
	"lastack/stack/tunable"

	"github.com/spf13/cobra"
)

// helperName is the command that makes the kernel's system calls, which lastack starts.
const helperName = "packetdrill-helper"

// outsideSubject makes a subject behind a TUN: the kernel, or what a file describes.
func outsideSubject(subject string, settings []tunable.Setting) (func(context.Context, packetdrill.Addresses) (packetdrill.Subject, error), error) {
	cfg, err := outsideConfig(subject)
	if err != nil {
		return nil, usage(err)
	}
	return func(ctx context.Context, a packetdrill.Addresses) (packetdrill.Subject, error) {
		own := *cfg
		own.Addresses = a
		s, err := ontun.New(ctx, own)
		if err != nil {
			return nil, err
		}
		for _, set := range settings {
			if err := s.Sysctl(set.Name, set.Value); err != nil {
				return nil, errors.Join(usagef("-w: %w", err), s.Close())
			}
		}
		return s, nil
	}, nil
}

// raisePriority lets scripts be on time on a busy machine.
func raisePriority() { lab.RaisePriority() }

func outsideConfig(subject string) (*ontun.Config, error) {
	if subject == subjectKernel {
		own, err := os.Executable()
		return &ontun.Config{Name: "the kernel", Kernel: true, Helper: []string{own, helperName}}, err
	}
	if !strings.Contains(subject, "/") && filepath.Ext(subject) != ".yaml" && filepath.Ext(subject) != ".yml" {
		return nil, fmt.Errorf("--subject %q is not lastack, lastack-realtime, kernel or a FILE.yaml", subject)
	}
	s, err := experiment.LoadStranger(subject)
	switch {
	case err != nil:
		return nil, err
	case len(s.Helper) == 0:
		return nil, fmt.Errorf("%s: there is no helper, which makes the system calls of scripts; harness/experiment/packetdrill/PROTOCOL.md says what one is", subject)
	case s.Device == "tap":
		return nil, fmt.Errorf("%s: packetdrill's scripts run on a TUN, and device is tap", subject)
	}
	return &ontun.Config{Name: s.Name, Helper: s.Helper, Dir: filepath.Dir(subject)}, nil
}

// packetdrillHelperCommand is the other end of the pipe to lastack packetdrill.
func packetdrillHelperCommand() *cobra.Command {
	return &cobra.Command{
		Use:    helperName,
		Short:  "Make the system calls of packetdrill scripts with the kernel's sockets",
		Long:   "packetdrill-helper reads system calls from standard input and answers on standard\noutput, both as lines of JSON: see harness/experiment/packetdrill/PROTOCOL.md.",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(c *cobra.Command, _ []string) error {
			return kernelcalls.Serve(c.Context(), os.Stdin, os.Stdout)
		},
	}
}
