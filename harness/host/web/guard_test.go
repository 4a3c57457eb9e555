package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestGuard: nothing is seen or done without the token, by a rebound name, or from another
// page.
func TestGuard(t *testing.T) {
	srv, _ := site(t, nil)
	port := srv.URL[strings.LastIndex(srv.URL, ":"):]
	paths := []string{"/", "/app.js", "/en.json", "/api/hello", "/api/events", "/api/connections/1", "/api/session.pcapng", "/v1/tunables"}
	for _, path := range paths {
		for name, h := range map[string][]string{
			"no token":        {"Authorization", ""},
			"another token":   {"Authorization", "Bearer 0123456789abcdeF"},
			"another cookie":  {"Authorization", "", "Cookie", "lastack-" + port[1:] + "=x"},
			"a rebound name":  {"Host", "evil.example" + port},
			"a name like it":  {"Host", "localhost.evil.example" + port},
			"another origin":  {"Origin", "http://evil.example"},
			"the null origin": {"Origin", "null"},
			"another port's":  {"Origin", "http://127.0.0.1:1"},
		} {
			if code, body := ask(t, "GET", srv.URL+path, "", h...); code != http.StatusForbidden || strings.Contains(body, token) {
				t.Errorf("%s with %s: %d %.80s", path, name, code, body)
			}
		}
	}
	for _, host := range []string{"localhost" + port, "127.0.0.1" + port, "[::1]" + port} {
		if code, _ := ask(t, "GET", srv.URL+"/api/hello", "", "Host", host); code != http.StatusOK {
			t.Errorf("%s: %d", host, code)
		}
	}
	for _, h := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://localhost:1"}} {
		if code, _ := ask(t, "PUT", srv.URL+"/v1/tunables/lastack.msl_ms", "1000", h...); code != http.StatusForbidden {
			t.Errorf("a change from elsewhere (%v): %d", h, code)
		}
	}
	if code, body := ask(t, "PUT", srv.URL+"/v1/tunables/lastack.msl_ms", "1000", "Origin", srv.URL); code != http.StatusOK {
		t.Errorf("a change from the page: %d %s", code, body)
	}
}

// TestTokenBecomesACookie: and leaves the address.
func TestTokenBecomesACookie(t *testing.T) {
	srv, _ := site(t, nil)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(srv.URL + "/?token=" + token)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	cookies := resp.Cookies()
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" || len(cookies) != 1 {
		t.Fatalf("%s, to %q, %d cookies", resp.Status, resp.Header.Get("Location"), len(cookies))
	}
	if c := cookies[0]; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
		t.Errorf("the cookie is %+v", c)
	}
	if !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("no content security policy")
	}
	code, body := ask(t, "GET", srv.URL+"/", "", "Authorization", "", "Cookie", cookies[0].Name+"="+cookies[0].Value)
	if code != http.StatusOK || !strings.Contains(body, `<script type="module" src="app.js">`) {
		t.Errorf("with the cookie: %d %.80s", code, body)
	}
}
