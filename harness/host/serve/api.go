package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"time"

	"lastack/harness/host/control"
)

// startControl answers on the control API's socket, if there is one.
func (s *server) startControl(ctx context.Context) {
	if s.control == nil {
		return
	}
	cfg := s.controlConfig()
	s.workers.Go(func() {
		// That the file could not be removed is said at the end.
		if err := s.control.Serve(ctx, cfg); err != nil && !errors.Is(err, fs.ErrPermission) {
			s.cancel(fmt.Errorf("control API: %w", err))
		}
	})
}

// controlConfig is the host as the control API shows it.
func (s *server) controlConfig() control.Config {
	began := time.Now()
	return control.Config{
		Tunables: s.host.Tunables(), Sockets: s.host, Impairments: s.host,
		Info: func() control.HostInfo {
			return control.HostInfo{
				Version: Version(), Addresses: s.host.Addrs(), Flows: s.host.Flows(),
				UptimeMS: time.Since(began).Milliseconds(),
			}
		},
	}
}

// Version is the module's, as far as the binary knows it.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
