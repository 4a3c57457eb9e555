package control_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"lastack/harness/host/control"
	"lastack/stack/tunable"

	"github.com/google/go-cmp/cmp"
)

// request sends one raw request, so that the tests see what curl would.
func request(t *testing.T, socket, method, path, body string) (*http.Response, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://host"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(answer)
}

func TestAPI(t *testing.T) {
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     string // within the body
		value                    int64  // of lastack.delayed_ack_ms, afterwards
	}{
		{"get one", "GET", "/v1/tunables/lastack.delayed_ack_ms", "", 200, `"value": "40"`, 40},
		{"set", "PUT", "/v1/tunables/lastack.delayed_ack_ms", "7", 200, `"value": "7"`, 7},
		{"set with the newline of echo", "PUT", "/v1/tunables/lastack.delayed_ack_ms", " 8\n", 200, `"value": "8"`, 8},
		{"set the smallest", "PUT", "/v1/tunables/lastack.delayed_ack_ms", "1", 200, `"value": "1"`, 1},
		{"below the smallest", "PUT", "/v1/tunables/lastack.delayed_ack_ms", "0", 422, "tunable lastack.delayed_ack_ms: 0 is out of range; give 1 to 499 ms", 40},
		{"above the largest", "PUT", "/v1/tunables/lastack.delayed_ack_ms", "500", 422, "out of range", 40},
		{"no number", "PUT", "/v1/tunables/lastack.delayed_ack_ms", "soon", 422, `is not a whole number; give 1 to 499 ms`, 40},
		{"beyond int64", "PUT", "/v1/tunables/lastack.delayed_ack_ms", "99999999999999999999", 422, "is not a whole number", 40},
		{"JSON instead of a value", "PUT", "/v1/tunables/lastack.delayed_ack_ms", `{"value":7}`, 422, "is not a whole number", 40},
		{"empty body", "PUT", "/v1/tunables/lastack.delayed_ack_ms", "", 422, "is not a whole number", 40},
		{"a body within the bound", "PUT", "/v1/tunables/lastack.delayed_ack_ms", strings.Repeat(" ", 255) + "9", 200, `"value": "9"`, 9},
		{"a body beyond it", "PUT", "/v1/tunables/lastack.delayed_ack_ms", strings.Repeat(" ", 256) + "9", 413, "longer than 256 bytes", 40},
		{"with slashes", "PUT", "/v1/tunables/lastack%2Fdelayed_ack_ms", "7", 200, `"name": "lastack.delayed_ack_ms"`, 7},
		{"ports", "PUT", "/v1/tunables/net.ipv4.ip_local_port_range", "2000\t2099\n", 200, `"value": "2000 2099"`, 40},
		{"unknown, get", "GET", "/v1/tunables/lastack.nagle", "", 404, "tunable lastack.nagle: unknown tunable; there are lastack.delayed_ack, ", 40},
		{"unknown, put", "PUT", "/v1/tunables/lastack.nagle", "1", 404, "unknown tunable", 40},
		{"escaped name", "GET", "/v1/tunables/%3Cb%3E", "", 404, "tunable <b>: unknown", 40},
		{"delete", "DELETE", "/v1/tunables/lastack.delayed_ack_ms", "", 405, "use GET or PUT", 40},
		{"post", "POST", "/v1/tunables/lastack.delayed_ack_ms", "7", 405, "use GET or PUT", 40},
		{"delete the list", "DELETE", "/v1/tunables", "", 405, "use GET or PUT", 40},
		{"put on the host", "PUT", "/v1/host", "7", 405, "use GET", 40},
		{"head", "HEAD", "/v1/tunables", "", 200, "", 40},
		{"no such path", "GET", "/v2/tunables", "", 404, "no such path", 40},
		{"empty name", "GET", "/v1/tunables/", "", 404, "no such path", 40},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := tunable.NewSet()
			resp, body := request(t, serve(t, set), tt.method, tt.path, tt.body)
			if resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", resp.StatusCode, tt.status, body)
			}
			if got := resp.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type %q", got)
			}
			var failure struct{ Error string }
			if tt.status >= 400 {
				if err := json.Unmarshal([]byte(body), &failure); err != nil || !strings.Contains(failure.Error, tt.want) {
					t.Errorf("error %q (%v), want %q in it", failure.Error, err, tt.want)
				}
			} else if !strings.Contains(body, tt.want) {
				t.Errorf("%s\nwant %q in it", body, tt.want)
			}
			if tt.status == 405 && !strings.HasSuffix(failure.Error, strings.ReplaceAll(resp.Header.Get("Allow"), ", ", " or ")) {
				t.Errorf("Allow: %q, but the error says %q", resp.Header.Get("Allow"), failure.Error)
			}
			if got := set.Int(tunable.DelayedACKms); got != tt.value {
				t.Errorf("the value is %d afterwards, want %d", got, tt.value)
			}
		})
	}
}

func TestListShowsTheWholeTable(t *testing.T) {
	set := tunable.NewSet()
	if err := set.Set("lastack.delayed_ack", "0"); err != nil {
		t.Fatal(err)
	}
	_, body := request(t, serve(t, set), "GET", "/v1/tunables", "")
	var got []map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	var want []map[string]any
	for _, d := range tunable.All() {
		want = append(want, map[string]any{
			"name": d.Name, "value": set.Text(d.ID), "default": d.Format(d.Default),
			"min": float64(d.Min), "max": float64(d.Max), "unit": d.Unit, "doc": d.Doc,
		})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestWritersAtOnce: the watcher of each tunable sees every change, one after
// the other, and the last one is what stays.
func TestWritersAtOnce(t *testing.T) {
	set := tunable.NewSet()
	last := map[tunable.ID]int64{}
	for _, id := range []tunable.ID{tunable.DelayedACKms, tunable.MSLms} {
		set.OnChange(id, func(v int64) {
			if v != 100 && v != 200 {
				t.Errorf("tunable %d became %d, which nobody wrote", id, v)
			}
			last[id] = v // the set serialises its watchers
		})
	}
	client := control.NewClient(serve(t, set))
	var wg sync.WaitGroup
	for _, name := range []string{"lastack.delayed_ack_ms", "lastack.msl_ms"} {
		for _, value := range []string{"100", "200", "forever"} {
			wg.Go(func() {
				for range 25 {
					state, err := client.Set(t.Context(), name, value)
					if value == "forever" {
						if err == nil {
							t.Errorf("%s took %q", name, value)
						}
					} else if err != nil || state.Name != name || (state.Value != "100" && state.Value != "200") {
						t.Errorf("set %s to %s: %+v, %v", name, value, state, err)
					}
				}
			})
		}
	}
	wg.Wait()
	for id, v := range last {
		if got := set.Int(id); got != v {
			t.Errorf("tunable %d is %d, but its watcher was last told %d", id, got, v)
		}
	}
	if len(last) != 2 {
		t.Errorf("changes seen of %d tunables, want 2", len(last))
	}
}

// TestCurl runs the command that the package's doc promises.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skipf("needs curl (sudo apt-get install curl): %v", err)
	}
	set := tunable.NewSet()
	path := serve(t, set)
	out, err := exec.CommandContext(t.Context(), curl, "-sS", "--unix-socket", path,
		"-X", "PUT", "-d", "0", "http://host/v1/tunables/lastack.delayed_ack").CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"value": "0"`) || set.Bool(tunable.DelayedACK) {
		t.Errorf("%v: %s", err, out)
	}
}
