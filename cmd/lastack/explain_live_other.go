//go:build !linux

package main

import (
	"context"

	"lastack/harness/capture"
)

// open says that there is no live capture here.
func (f *liveFlags) open(_ context.Context, c capture.LiveConfig) (*capture.Live, error) {
	return capture.OpenLive(f.iface, c)
}

func (f *liveFlags) settled(bool) error { return nil }
