package main

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/host/control"
	"lastack/harness/lab/sockstat"
)

// TestAnswersOfAHostAreQuoted: whatever answers on a control socket, no terminal obeys it.
func TestAnswersOfAHostAreQuoted(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(hostileHost)}
	go func() { _ = server.Serve(l) }() // ends with the Close below
	t.Cleanup(func() { _ = server.Close() })
	for _, args := range [][]string{
		{"ss", "-a", "-o"}, {"ss", "-s"}, {"sysctl", "-a"}, {"sysctl", "net.ipv4.tcp_tw_reuse"}, {"sysctl", "refused"},
		{"sysctl", "net.ipv4.tcp_tw_reuse=1"}, {"monitor", "--count", "1"},
	} {
		out := harmless(t, append(args, "--socket", socket)...)
		if args[1] != "-s" && args[0] != "monitor" && !strings.Contains(out, `\x1b[2J`) {
			t.Errorf("lastack %q does not show what the host said: %q", args, out)
		}
	}
}

func hostileHost(w http.ResponseWriter, r *http.Request) {
	var answer any
	state := control.Tunable{Name: hostile, Value: hostile}
	switch path := strings.TrimPrefix(r.URL.Path, "/v1"); {
	case strings.HasSuffix(path, "refused"):
		w.WriteHeader(http.StatusNotFound)
		answer = map[string]string{"error": hostile}
	case strings.HasPrefix(path, "/tunables/"):
		answer = state
	case path == "/tunables":
		answer = []control.Tunable{state}
	case path == "/sockets":
		answer = []json.RawMessage{json.RawMessage(`{"state":"LISTEN","timer":"\u001b[2J","local":"[fe80::1%\u001b[2J]:1","remote":"[fe80::1%\u001b[2J]:2"}`)}
	case path == "/sockets/summary":
		answer = sockstat.Summary{States: map[string]int{hostile: 1, "CLOSE_WAIT": 1}}
	case path == "/sockets/destinations":
		answer = []json.RawMessage{json.RawMessage(`{"remote":"[fe80::1%\u001b[2J]:2","taken":9,"ports":10}`)}
	}
	_ = json.NewEncoder(w).Encode(answer) // a client that is gone is no concern
}
