package app

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// webClient speaks raw HTTP over one connection, to see when that ends.
type webClient struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func newWebClient(t *testing.T, c net.Conn) *webClient {
	return &webClient{t, c, bufio.NewReader(c)}
}

// do sends one request, such as "GET / HTTP/1.1", and returns the response and
// its body. header lines end in "\r\n".
func (w *webClient) do(request, header string) (*http.Response, string) {
	w.t.Helper()
	w.send(request, header)
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(w.r, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("%s: %v", request, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatalf("%s: body: %v", request, err)
	}
	return resp, string(body)
}

func (w *webClient) send(request, header string) {
	w.t.Helper()
	if _, err := io.WriteString(w, request+"\r\nHost: lab\r\n"+header+"\r\n"); err != nil {
		w.t.Fatalf("%s: %v", request, err)
	}
}

func (w *webClient) wantEOF() {
	w.t.Helper()
	if _, err := w.r.ReadByte(); err != io.EOF {
		w.t.Errorf("read error %v, want EOF", err)
	}
}

func contentText(n int64) string {
	all, _ := io.ReadAll(Content(n))
	return string(all)
}

func TestHTTPPages(t *testing.T) {
	tests := []struct {
		request string
		status  int
		length  int64 // -1: as long as the body
		body    string
	}{
		{"GET / HTTP/1.1", 200, -1, "/bytes/N"},
		{"HEAD / HTTP/1.1", 200, -2, ""},
		{"GET /bytes/0 HTTP/1.1", 200, 0, ""},
		{"GET /bytes/300000 HTTP/1.1", 200, 300000, contentText(300000)},
		{"HEAD /bytes/1073741824 HTTP/1.1", 200, 1 << 30, ""},
		{"GET /bytes/1073741825 HTTP/1.1", 400, -1, `"1073741825" is not a number of bytes from 0 to 1073741824`},
		{"GET /bytes/-1 HTTP/1.1", 400, -1, `"-1" is not a number of bytes`},
		{"GET /bytes/many HTTP/1.1", 400, -1, `"many" is not a number of bytes`},
		{"GET /delay/0 HTTP/1.1", 200, -1, "waited 0s\n"},
		{"GET /delay/1.5s HTTP/1.1", 200, -1, "waited 1.5s\n"},
		{"GET /delay/61m HTTP/1.1", 400, -1, `"61m" is not a delay from 0 to 1h0m0s`},
		{"GET /delay/-1s HTTP/1.1", 400, -1, `"-1s" is not a delay`},
		{"GET /nothing HTTP/1.1", 404, -1, "there are /, /bytes/N and /delay/D"},
		{"POST / HTTP/1.1", 405, -1, "Method Not Allowed"},
	}
	// All over one connection: no status ends keep-alive.
	inBubble(t, "80=http", Config{}, func(t *testing.T, a *App, p *pipes) {
		w := newWebClient(t, p.dial())
		for _, tt := range tests {
			resp, body := w.do(tt.request, "")
			if tt.length == -1 {
				tt.length = int64(len(body))
			}
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.body) {
				t.Errorf("%s: status %d and body %.80q, want %d and %.80q", tt.request, resp.StatusCode, body, tt.status, tt.body)
			}
			if tt.length != -2 && resp.ContentLength != tt.length || resp.ContentLength < 0 {
				t.Errorf("%s: Content-Length %d, want %d", tt.request, resp.ContentLength, tt.length)
			}
		}
		wantActive(t, a, 1)
		if n := a.Stats().Accepted; n != 1 {
			t.Errorf("%d connections were accepted, want 1", n)
		}
		start := time.Now()
		w.Close()
		wantActive(t, a, 0)
		if d := time.Since(start); d != 0 {
			t.Errorf("an idle connection was closed %v after EOF, want at once", d)
		}
	})
}

func TestHTTPClosesFirstWhenAsked(t *testing.T) {
	tests := []struct{ request, header string }{
		{"GET / HTTP/1.1", "Connection: close\r\n"},
		{"GET / HTTP/1.0", ""},
	}
	for _, tt := range tests {
		inBubble(t, "80=http", Config{}, func(t *testing.T, a *App, p *pipes) {
			w := newWebClient(t, p.dial())
			defer w.Close()
			start := time.Now()
			resp, body := w.do(tt.request, tt.header)
			if resp.StatusCode != 200 || resp.ContentLength != int64(len(body)) {
				t.Errorf("%s: status %d, Content-Length %d, body of %d", tt.request, resp.StatusCode, resp.ContentLength, len(body))
			}
			w.wantEOF()
			if d := time.Since(start); d != 0 {
				t.Errorf("%s %q: closed %v after the answer, want at once", tt.request, tt.header, d)
			}
		})
	}
}

func TestHTTPDelay(t *testing.T) {
	inBubble(t, "80=http", Config{}, func(t *testing.T, a *App, p *pipes) {
		w := newWebClient(t, p.dial())
		defer w.Close()
		for request, want := range map[string]time.Duration{"/delay/300": 300 * time.Millisecond, "/delay/1h": time.Hour} {
			start := time.Now()
			w.do("GET "+request+" HTTP/1.1", "")
			if d := time.Since(start); d != want {
				t.Errorf("%s was answered after %v, want %v", request, d, want)
			}
		}
	})
}

func TestHTTPDelayEndsWhenTheClientGoes(t *testing.T) {
	inBubble(t, "80=http", Config{}, func(t *testing.T, a *App, p *pipes) {
		w := newWebClient(t, p.dial())
		w.send("GET /delay/1h HTTP/1.1", "")
		wantActive(t, a, 1)
		start := time.Now()
		w.Close()
		wantActive(t, a, 0)
		if d := time.Since(start); d != 0 {
			t.Errorf("closed %v after EOF, want at once", d)
		}
	})
}

func TestHTTPDelayEndsWhenTheAppStops(t *testing.T) {
	var start time.Time
	inBubble(t, "80=http", Config{}, func(t *testing.T, a *App, p *pipes) {
		w := newWebClient(t, p.dial())
		w.send("GET /delay/1h HTTP/1.1", "")
		wantActive(t, a, 1)
		start = time.Now()
		t.Cleanup(func() {
			w.wantEOF()
			if d := time.Since(start); d != 0 {
				t.Errorf("the app stopped after %v, want at once", d)
			}
		})
	})
}

func TestHTTPStreamsToAClientThatStopsReading(t *testing.T) {
	inBubble(t, "80=http", Config{}, func(t *testing.T, a *App, p *pipes) {
		w := newWebClient(t, p.dial())
		w.send("GET /bytes/1073741824 HTTP/1.1", "")
		head := make([]byte, 1<<20)
		if _, err := io.ReadFull(w.r, head); err != nil {
			t.Fatal(err)
		}
		_, body, _ := bytes.Cut(head, []byte("\r\n\r\n"))
		if !bytes.Equal(body, []byte(contentText(int64(len(body))))) {
			t.Error("the body is not Content")
		}
		wantActive(t, a, 1)
		w.Close()
		wantActive(t, a, 0)
	})
}
