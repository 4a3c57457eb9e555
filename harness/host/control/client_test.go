package control_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/host/control"
	"lastack/stack/tunable"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

func TestClient(t *testing.T) {
	set := tunable.NewSet()
	client := control.NewClient(serve(t, set))
	ctx := t.Context()

	host, err := client.Host(ctx)
	if diff := cmp.Diff(info, host, cmpopts.EquateComparable(info.Addresses[0])); diff != "" || err != nil {
		t.Errorf("Host: %v\n%s", err, diff)
	}
	state, err := client.Set(ctx, "lastack.msl_ms", "250")
	if err != nil || state.Value != "250" || set.Int(tunable.MSLms) != 250 {
		t.Errorf("Set: %+v, %v; the set has %d", state, err, set.Int(tunable.MSLms))
	}
	one, err := client.Tunable(ctx, "lastack.msl_ms")
	if err != nil || one != state {
		t.Errorf("Tunable: %+v, %v, want %+v", one, err, state)
	}
	all, err := client.Tunables(ctx)
	if err != nil || len(all) != len(tunable.All()) || all[tunable.MSLms] != state {
		t.Errorf("Tunables: %+v, %v", all, err)
	}
}

func TestClientRefusals(t *testing.T) {
	set := tunable.NewSet()
	client := control.NewClient(serve(t, set))
	tests := []struct {
		name, value string
		status      int
		want        string
	}{
		{"lastack.msl_ms", "0", http.StatusUnprocessableEntity, set.Set("lastack.msl_ms", "0").Error()},
		{"lastack.nagle", "0", http.StatusNotFound, set.Set("lastack.nagle", "0").Error()},
		{"a/../b?c#d", "0", http.StatusNotFound, set.Set("a/../b?c#d", "0").Error()},
		{"..", "0", http.StatusNotFound, set.Set("..", "0").Error()},
		{"/", "0", http.StatusNotFound, set.Set("/", "0").Error()},
		{"", "0", http.StatusNotFound, set.Set("", "0").Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := client.Set(t.Context(), tt.name, tt.value)
			var refused *control.Error
			if !errors.As(err, &refused) {
				t.Fatalf("%v, want a *control.Error", err)
			}
			if refused.Status != tt.status || refused.Message != tt.want {
				t.Errorf("%d %q, want %d %q", refused.Status, refused.Message, tt.status, tt.want)
			}
		})
	}
}

func TestClientWithoutHost(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale.sock")
	leaveStale(t, stale)
	tests := []struct {
		name, path string
		is         error
		want       string
	}{
		{"no socket", filepath.Join(dir, "none.sock"), fs.ErrNotExist, "lastack serve --control"},
		{"stale socket", stale, unix.ECONNREFUSED, "lastack serve --control"},
		{"path too long", filepath.Join(dir, strings.Repeat("x", 108)), nil, "at most 107"},
		{"no path", "", nil, "the path is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := control.NewClient(tt.path).Tunables(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) || (tt.is != nil && !errors.Is(err, tt.is)) {
				t.Errorf("%v, want %q in it, and %v wrapped", err, tt.want, tt.is)
			}
			if err != nil && strings.Contains(err.Error(), "http://") {
				t.Errorf("%v: names a URL that nobody wrote", err)
			}
		})
	}
}

// TestClientOfSomethingElse: another program's socket is told from a host's.
func TestClientOfSomethingElse(t *testing.T) {
	for name, status := range map[string]int{"answers": 200, "refuses": 500} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "other.sock")
			ln, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "<html>")
			})}
			done := make(chan error)
			go func() { done <- srv.Serve(ln) }()
			_, err = control.NewClient(path).Host(t.Context())
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want an error that names the socket", err)
			}
			srv.Close()
			<-done
		})
	}
}

func TestClientContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := control.NewClient(serve(t, tunable.NewSet())).Host(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}
