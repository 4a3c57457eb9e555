package report

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBrowser opens the pages in Chromium as wide as a phone and as a desk, light
// and dark, with everything unfolded: nothing overflows, no texts of a picture
// overlap or leave it, every text has a contrast of 4.5, links go to what they name,
// and no script fails.
func TestBrowser(t *testing.T) {
	chromium := browser(t)
	all, results := fixture(t)
	capture, err := os.ReadFile("../../explain/explained/testdata/page.html")
	if err != nil {
		t.Fatal(err)
	}
	for page, source := range map[string]string{"experiments": render(t, all, results), "claims": renderClaims(t), "capture": string(capture)} {
		file := looker(t, source)
		folded, pictures := strings.Count(source, "<details>"), strings.Count(source, "<svg ")
		for scheme, name := range []string{"dark", "light"} { // as Blink numbers them
			t.Run(page+"/"+name, func(t *testing.T) {
				found := look(t, chromium, file, scheme)
				for _, pattern := range []string{
					fmt.Sprintf(`^360 px: %s, \d{3,} texts, %d pictures, %d folded$`, name, pictures, folded),
					fmt.Sprintf(`^1280 px: %s, \d{3,} texts, %d pictures, %d folded$`, name, pictures, folded),
					"^looked$",
				} {
					i := slices.IndexFunc(found, regexp.MustCompile(pattern).MatchString)
					if i < 0 {
						t.Errorf("there is no line %s", pattern)
						continue
					}
					found = slices.Delete(found, i, i+1)
				}
				for _, line := range found {
					t.Error(line)
				}
			})
		}
	}
}

// looker is the file of a page that looks at another.
func looker(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/browser.html")
	if err != nil {
		t.Fatal(err)
	}
	// JSON escapes "<", so that the page's source ends no script.
	source, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "looker.html")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "PAGE;", string(source)+";", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// browser is Chromium's file, without which the test cannot be.
func browser(t *testing.T) string {
	t.Helper()
	file, err := exec.LookPath("chromium")
	if err == nil {
		return file
	}
	t.Skip("SKIPPED: how the page looks in a browser is not tested, as Chromium is not installed (sudo apt-get install chromium)")
	return ""
}

// look is what the file says of itself once it has run, a line each.
func look(t *testing.T, chromium, file string, scheme int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	home := t.TempDir()
	c := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic",
		"--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir="+filepath.Join(home, "profile"),
		fmt.Sprintf("--blink-settings=preferredColorScheme=%d", scheme), "--window-size=1400,1000",
		"--virtual-time-budget=10000", "--dump-dom", "file://"+file)
	c.Env = append(os.Environ(), "HOME="+home)
	c.WaitDelay = 10 * time.Second
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v", chromium, err)
	}
	_, rest, _ := strings.Cut(string(out), `<pre id="found">`)
	text, _, ok := strings.Cut(rest, "</pre>")
	if !ok {
		t.Fatalf("%s printed no findings: %.500s", chromium, out)
	}
	return strings.Split(html.UnescapeString(text), "\n")
}
