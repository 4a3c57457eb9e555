package control_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"lastack/harness/host/control"
	"lastack/stack/tunable"
)

// TestPutAll: a list of settings is taken whole, or refused whole.
func TestPutAll(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		want       string // within the body
		msl        string // lastack.msl_ms afterwards
	}{
		{"two", "lastack.msl_ms=7\nnet.ipv4.tcp_tw_reuse=1\n", 200, `"value": "7"`, "7"},
		{"no newline at the end", "lastack.msl_ms=7", 200, `"value": "7"`, "7"},
		{"blanks, empty lines, CR LF", "\r\n lastack.msl_ms = 7 \r\n\n", 200, `"value": "7"`, "7"},
		{"ports and slashes", "lastack.msl_ms=7\nnet/ipv4/ip_local_port_range=2000 2099", 200, `"value": "2000 2099"`, "7"},
		{"one twice", "lastack.msl_ms=6\nlastack.msl_ms=7", 200, `"value": "7"`, "7"},
		{"the last is bad", "lastack.msl_ms=7\nnet.ipv4.tcp_tw_reuse=3", 422, "tunable net.ipv4.tcp_tw_reuse: 3 is out of range; give 0 to 2", "30000"},
		{"the last is unknown", "lastack.msl_ms=7\nnet.ipv4.tw_reuse=1", 422, "did you mean net.ipv4.tcp_tw_reuse", "30000"},
		{"the last is no setting", "lastack.msl_ms=7\nnet.ipv4.tcp_tw_reuse", 422, "want NAME=VALUE", "30000"},
		{"empty", "\n", 422, "give lines of NAME=VALUE", "30000"},
		{"too long", "lastack.msl_ms=7\n" + strings.Repeat("\n", 16<<10), 413, "longer than 16384 bytes", "30000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := tunable.NewSet()
			resp, body := request(t, serve(t, set), "PUT", "/v1/tunables", tt.body)
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("status %d, want %d with %q in it: %s", resp.StatusCode, tt.status, tt.want, body)
			}
			if tt.status == http.StatusOK {
				var states []control.Tunable
				if err := json.Unmarshal([]byte(body), &states); err != nil || len(states) != strings.Count(tt.body, "=") {
					t.Errorf("%v: %d states for the body %q", err, len(states), tt.body)
				}
			}
			if got := set.Text(tunable.MSLms); got != tt.msl {
				t.Errorf("lastack.msl_ms is %s afterwards, want %s", got, tt.msl)
			}
		})
	}
}

func TestClientSetAll(t *testing.T) {
	set := tunable.NewSet()
	client := control.NewClient(serve(t, set))
	states, err := client.SetAll(t.Context(), []tunable.Setting{
		{Name: "net.ipv4.ip_local_port_range", Value: "2000 2099"}, {Name: "lastack.msl_ms", Value: "7"},
	})
	if err != nil || len(states) != 2 || states[0].Value != "2000 2099" || states[1].Value != "7" {
		t.Errorf("%+v, %v", states, err)
	}
	var refused *control.Error
	_, err = client.SetAll(t.Context(), []tunable.Setting{
		{Name: "lastack.msl_ms", Value: "8"}, {Name: "lastack.msl_ms", Value: "0"},
	})
	if !errors.As(err, &refused) || refused.Status != http.StatusUnprocessableEntity {
		t.Errorf("%v, want a refusal with status 422", err)
	}
	// A line of its own in a value, or a name with =, would be read as another setting.
	for _, g := range []tunable.Setting{
		{Name: "lastack.msl_ms", Value: "8\nnet.ipv4.tcp_tw_reuse=0"}, {Name: "lastack.msl_ms=8\nlastack", Value: "1"},
	} {
		if _, err := client.SetAll(t.Context(), []tunable.Setting{g}); err == nil || !strings.Contains(err.Error(), "cannot be sent") {
			t.Errorf("%q: %v", g, err)
		}
	}
	if set.Text(tunable.MSLms) != "7" || set.Int(tunable.TWReuse) != 2 {
		t.Errorf("lastack.msl_ms is %s and tcp_tw_reuse %d after refusals", set.Text(tunable.MSLms), set.Int(tunable.TWReuse))
	}
}

// TestListsAtOnce: of two clients that set the same two tunables, one's pair stays.
func TestListsAtOnce(t *testing.T) {
	set := tunable.NewSet()
	client := control.NewClient(serve(t, set))
	var wg sync.WaitGroup
	for _, v := range []string{"11", "22"} {
		wg.Go(func() {
			for range 25 {
				_, err := client.SetAll(t.Context(), []tunable.Setting{
					{Name: "lastack.msl_ms", Value: v}, {Name: "net.ipv4.tcp_tw_reuse_delay", Value: v},
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if a, b := set.Text(tunable.MSLms), set.Text(tunable.TWReuseDelay); a != b {
		t.Errorf("lastack.msl_ms is %s and tcp_tw_reuse_delay %s: of two writers", a, b)
	}
}
