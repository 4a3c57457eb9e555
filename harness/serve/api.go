package serve

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"lastack/harness/control"
)

// startControl opens the control API's door, if there is to be one.
func (s *server) startControl(ctx context.Context) error {
	if s.cfg.Control == "" {
		return nil
	}
	began := time.Now()
	srv, err := control.Listen(s.cfg.Control, control.Config{
		Tunables: s.host.Tunables(),
		Sockets:  s.host,
		Info: func() control.HostInfo {
			return control.HostInfo{
				Version: version(), Addresses: s.host.Addrs(), Flows: s.host.Flows(),
				UptimeMS: time.Since(began).Milliseconds(),
			}
		},
	})
	if err != nil {
		return err
	}
	s.workers.Go(func() {
		if err := srv.Serve(ctx); err != nil {
			s.cancel(fmt.Errorf("control API: %w", err))
		}
	})
	return nil
}

// version is the module's, as far as the binary knows it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
