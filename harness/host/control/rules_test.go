package control_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lastack/harness/host/control"
	"lastack/stack/impair"
	"lastack/stack/tunable"
)

type rules struct{ list []impair.Rule }

func (r *rules) Impairments() []impair.Rule              { return r.list }
func (r *rules) SetImpairments(list []impair.Rule) error { r.list = list; return nil }

// TestRules: a list replaces the other as a whole, and a mistake changes nothing.
func TestRules(t *testing.T) {
	host := &rules{}
	cfg := config(tunable.NewSet())
	cfg.Impairments = host
	h := control.Handler(cfg)
	for _, tt := range []struct {
		body   string
		status int
		want   string
		rules  int
	}{
		{"drop every FIN from host\n\ndrop the 1st of all SYN from peer\n", 200, "drop every FIN from host", 2},
		{"drop every FIN from host\nlose all", 422, `\"lose\" is not understood`, 2},
		{strings.Repeat("drop every FIN from host\n", 65), 422, "65 rules; give 64 at most", 2},
		{strings.Repeat("x", 17<<10), 413, "longer than 16384 bytes", 2},
		{"", 200, "[]", 0},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/v1/impairments", strings.NewReader(tt.body)))
		got, _ := io.ReadAll(w.Body)
		if w.Code != tt.status || !strings.Contains(string(got), tt.want) || len(host.list) != tt.rules {
			t.Errorf("%.40q: %d %s, %d rules", tt.body, w.Code, got, len(host.list))
		}
	}
}
