//go:build !linux

package main

import (
	"context"
	"fmt"

	"lastack/harness/experiment/packetdrill"
	"lastack/stack/tunable"
)

// outsideSubject fails: there are no namespaces.
func outsideSubject(subject string, _ []tunable.Setting) (func(context.Context, packetdrill.Addresses) (packetdrill.Subject, error), error) {
	return nil, fmt.Errorf("--subject %q %w; lastack and lastack-realtime work here", subject, errNeedsLinux)
}

// raisePriority and inLab are not reached.
func raisePriority() {}

func inLab(context.Context, func(context.Context) error) error { return errNeedsLinux }
