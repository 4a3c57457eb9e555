package proxy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lastack/harness/check/proxy"
	"lastack/harness/lab"
	"lastack/harness/lab/labtest"
)

// real is a proxy that nobody here wrote, at work. The README has a table of more.
func real(t *testing.T, command []string, want ...string) {
	t.Helper()
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	if err := lab.Command(t.Context(), command[0], "-V").Err; err != nil {
		t.Skip(err)
	}
	examine(t, proxy.Config{Command: command, Patience: time.Second}, want...)
}

// file writes a configuration.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// socat closes the other direction half a second after the end of the one (-t), and its
// sockets are closed in order whatever happened.
func TestSocat(t *testing.T) {
	real(t, []string{"socat", "TCP-LISTEN:{LISTEN_PORT},bind={LISTEN_HOST},fork,reuseaddr", "TCP:{SERVER_HOST}:{SERVER_PORT}"},
		"half-close-tolerance", "reset-from-client", "reset-from-server")
}

func TestHAProxy(t *testing.T) {
	real(t, []string{"haproxy", "-db", "-f", file(t, `defaults
	mode tcp
	timeout connect 5s
	timeout client 1m
	timeout server 1m
listen through
	bind "${LISTEN_HOST}:${LISTEN_PORT}"
	server only "${SERVER_HOST}:${SERVER_PORT}"
`)}, "reset-from-server")
}

// nginx makes a close of a half-close unless proxy_half_close is on.
func TestNginx(t *testing.T) {
	const module = "/usr/lib/nginx/modules/ngx_stream_module.so"
	if _, err := os.Stat(module); err != nil {
		t.Skipf("needs nginx with its stream module (sudo apt-get install nginx-light libnginx-mod-stream): %v", err)
	}
	dir := t.TempDir()
	real(t, []string{"nginx", "-c", file(t, fmt.Sprintf(`load_module %s;
daemon off;
pid %s/pid;
error_log stderr;
events {}
stream {
	server {
		listen 10.78.1.2:7001;
		proxy_pass 10.78.2.2:7002;
	}
}
`, module, dir))}, "half-close-client", "half-close-server", "data-after-half-close", "half-close-tolerance", "reset-from-client", "reset-from-server")
}
