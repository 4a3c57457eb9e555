package web_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lastack/harness/host/web"
)

// detail is what the page shows of a connection.
type detail struct {
	Report struct {
		Reason   string `json:"reason"`
		Segments []struct {
			Why string `json:"why"`
		} `json:"segments"`
	} `json:"report"`
	SVG      string `json:"svg"`
	FINTimer *struct {
		Left  int64 `json:"left_ms"`
		Whole int64 `json:"whole_ms"`
	} `json:"fin_timer"`
}

func askDetail(t *testing.T, url, lang string) (d detail) {
	t.Helper()
	status, body := ask(t, "GET", url+"/api/connections/1", "", "Accept-Language", lang)
	if err := json.Unmarshal([]byte(body), &d); err != nil || status != 200 {
		t.Fatalf("%d, %v: %s", status, err, body)
	}
	return d
}

// TestChinesePage: the page that asks for it gets sentences, notes and pictures in Chinese, and the
// next one its English.
func TestChinesePage(t *testing.T) {
	srv, b := site(t, nil)
	add(t, b, closing(1001))
	english, chinese := askDetail(t, srv.URL, "en"), askDetail(t, srv.URL, "zh-CN")
	if !strings.HasSuffix(chinese.Report.Reason, "。") || !strings.Contains(chinese.SVG, "立即发出") || strings.Contains(chinese.SVG, "?") {
		t.Errorf("in Chinese: %q\n%s", chinese.Report.Reason, chinese.SVG)
	}
	if again := askDetail(t, srv.URL, "en"); again.Report.Reason != english.Report.Reason || again.SVG != english.SVG {
		t.Errorf("the English is %q now", again.Report.Reason)
	}
}

// TestFINTimer: the host's own timer of its FIN, of the right connection.
func TestFINTimer(t *testing.T) {
	srv, b := site(t, func(c *web.Config) {
		c.FINTimer = func(local, remote netip.AddrPort) (left, whole time.Duration, runs bool) {
			return 150 * time.Millisecond, 200 * time.Millisecond, local.Port() == 80 && remote.Port() == 1001
		}
	})
	add(t, b, closing(1001))
	if f := askDetail(t, srv.URL, "en").FINTimer; f == nil || f.Left != 150 || f.Whole != 200 {
		t.Errorf("%+v", f)
	}
}
