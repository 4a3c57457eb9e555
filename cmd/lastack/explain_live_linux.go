package main

import (
	"context"
	"os"

	"lastack/harness/capture"
	"lastack/harness/lab"
	"lastack/harness/lab/privilege"
)

// open begins to capture, in the namespace asked for. No other thread of the process goes
// there.
func (f *liveFlags) open(ctx context.Context, c capture.LiveConfig) (live *capture.Live, err error) {
	if f.filter != "" {
		if c.Filter, err = capture.CompileFilter(ctx, f.filter); err != nil {
			return nil, err
		}
	}
	if f.netns == "" {
		return capture.OpenLive(f.iface, c)
	}
	ns, err := lab.OpenNamespace(f.netns)
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	err = ns.Do(func() error {
		live, err = capture.OpenLive(f.iface, c)
		return err
	})
	return live, err
}

// settled gives up what is not needed once the socket and the first files are open; later
// tells that others than those of --write get their names at the end.
func (f *liveFlags) settled(later bool) error {
	user := privilege.Ordinary(os.Getenv)
	if f.write != "" || later {
		return dropPrivileges("explain", user, privilege.DACOverride)
	}
	return dropPrivileges("explain", user)
}
