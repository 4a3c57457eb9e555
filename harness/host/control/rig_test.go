package control_test

import (
	"context"
	"net/netip"
	"path/filepath"
	"testing"

	"lastack/harness/host/control"
	"lastack/stack/tunable"
)

// info is what the test servers tell about their host.
var info = control.HostInfo{
	Version:   "v1.2.3",
	Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::2")},
	Flows:     3,
	UptimeMS:  4500,
}

func config(set *tunable.Set) control.Config {
	return control.Config{Tunables: set, Info: func() control.HostInfo { return info }}
}

// serve runs a server on a socket of the test's own until the test ends.
func serve(t *testing.T, set *tunable.Set) (path string) {
	t.Helper()
	return serveConfig(t, config(set))
}

func serveConfig(t testing.TB, c control.Config) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "host.sock")
	srv, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, c) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return path
}
