package service_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"lastack/harness/check"
	"lastack/harness/check/service"
)

const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// serve serves each connection by a function, on loopback, until the test is over.
func serve(t *testing.T, one func(*net.TCPConn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go one(c.(*net.TCPConn))
		}
	}()
	return l.Addr().String()
}

// readRequest reads up to the end of a request's header, and reports whether it came.
func readRequest(c net.Conn) bool {
	var got []byte
	b := make([]byte, 1)
	for !strings.HasSuffix(string(got), "\r\n\r\n") {
		if _, err := c.Read(b); err != nil {
			return false
		}
		got = append(got, b[0])
	}
	return true
}

// examine runs all checks and demands that these differ, and no others.
func examine(t *testing.T, c service.Config, want ...string) map[string]check.Check {
	t.Helper()
	if c.Patience == 0 {
		c.Patience = time.Second
	}
	r, err := service.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]check.Check{}
	var got []string
	for _, one := range r.Checks {
		check.Text{W: t.Output()}.Write(&one)
		byName[one.Name] = one
		if one.Verdict == check.Differs {
			got = append(got, one.Name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v differ, want %v", got, want)
	}
	if r.Connections > c.Most() || c.Most() > service.MaxConnections {
		t.Errorf("%d connections, %d announced, %d allowed", r.Connections, c.Most(), service.MaxConnections)
	}
	return byName
}

// says demands a part of what a check says.
func says(t *testing.T, c check.Check, want string) {
	t.Helper()
	if !strings.Contains(c.How, want) {
		t.Errorf("%s: %q, want %q in it", c.Name, c.How, want)
	}
}

// notBefore demands that something came after a time, as long after it as a busy machine makes it.
func notBefore(t *testing.T, c check.Check, what string, least time.Duration) {
	t.Helper()
	_, after, _ := strings.Cut(c.How, what+" after ")
	after, _, _ = strings.Cut(after, ",")
	d, err := time.ParseDuration(strings.ReplaceAll(after, " ", ""))
	if err != nil || d < least {
		t.Errorf("%s: %q, want it %s after %v or more: %v", c.Name, c.How, what, least, err)
	}
}

// patience is for a busy machine, where everything ends by itself.
const patience = 10 * time.Second

// TestOrderly: a service that reads everything, announces its limit and closes by FINs.
func TestOrderly(t *testing.T) {
	t.Parallel()
	at := serve(t, func(c *net.TCPConn) {
		defer c.Close()
		defer func() { _, _ = io.Copy(io.Discard, c) }()
		defer c.CloseWrite()
		for {
			_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			if !readRequest(c) {
				_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	all := examine(t, service.Config{Address: at, Send: request, Patience: patience})
	notBefore(t, all["idle"], "closed", 199*time.Millisecond)
	says(t, all["half-close"], "arrives")
	says(t, all["unread-data"], "the answer arrives")
}

// TestAbrupt: a service that forgets requests at a half-close, closes with data unread,
// resets idle connections, and drops kept ones without a word.
func TestAbrupt(t *testing.T) {
	t.Parallel()
	at := serve(t, func(c *net.TCPConn) {
		defer c.Close()
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		if !readRequest(c) {
			_ = c.SetLinger(0)
			return
		}
		half := make(chan bool, 1)
		go func() {
			b := make([]byte, 10)
			_ = c.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
			_, err := c.Read(b)
			half <- err == io.EOF
		}()
		if <-half {
			_ = c.SetLinger(0)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_ = c.SetReadDeadline(time.Now().Add(800 * time.Millisecond))
		_, _ = c.Read(make([]byte, 10))
	})
	all := examine(t, service.Config{Address: at, Send: request, Patience: patience}, "half-close", "unread-data", "idle", "keep-alive-race")
	notBefore(t, all["idle"], "reset", 900*time.Millisecond)
	says(t, all["keep-alive-race"], "did not announce")
	says(t, all["half-close"], "answered by a RST")
	says(t, all["time-wait"], "the client closes first and keeps TIME_WAIT")
}

// TestResetsFINs: a service that answers a FIN by a RST.
func TestResetsFINs(t *testing.T) {
	t.Parallel()
	at := serve(t, func(c *net.TCPConn) {
		_, _ = io.Copy(io.Discard, c)
		_ = c.SetLinger(0)
		_ = c.Close()
	})
	all := examine(t, service.Config{Address: at}, "close", "half-close")
	says(t, all["close"], "a FIN is answered by a RST")
	says(t, all["unread-data"], "give --send TEXT")
}

// TestTLS: Go's own server.
func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	s.TLS = &tls.Config{}
	s.StartTLS()
	t.Cleanup(s.Close)
	all := examine(t, service.Config{Address: s.Listener.Addr().String(), TLS: true, Send: request, Only: []string{"close", "half-close", "idle"}})
	says(t, all["close"], "a FIN is answered by a FIN")
	says(t, all["half-close"], "arrives")
}

// TestInterrupted: whoever waits for a connection to be cut need not wait for that.
func TestInterrupted(t *testing.T) {
	at := serve(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
	ctx, cancel := context.WithCancel(t.Context())
	c := service.Config{Address: at, Patience: time.Hour, Only: []string{"idle"}}
	c.Begin = func(check.Progress) { time.AfterFunc(50*time.Millisecond, cancel) }
	if _, err := service.Run(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}

func TestMistakes(t *testing.T) {
	for address, want := range map[string]string{
		"":                  "no HOST:PORT",
		"localhost":         "no HOST:PORT; give a host and a port from 1 to 65535",
		"localhost:http":    "no HOST:PORT",
		"localhost:0":       "no HOST:PORT",
		":80":               "no HOST:PORT",
		"127.0.0.1:1:2":     "no HOST:PORT",
		"[::1]:80":          "",
		"example.test:8080": "",
	} {
		c := service.Config{Address: address}
		err := c.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", address, err, want)
		}
	}
	if _, err := service.Run(t.Context(), service.Config{Address: "127.0.0.1:1"}); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("nobody listens: %v", err)
	}
}

// FuzzUnescape: what --send is given never panics, and what has no backslash is itself.
func FuzzUnescape(f *testing.F) {
	for _, s := range []string{request, `GET /\r\n\x00\u00e9`, `\`, `\q`, `"'`, "\xff", `\377`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := service.Unescape(s)
		if !strings.Contains(s, `\`) && (err != nil || got != s) {
			t.Errorf("%q became %q, %v", s, got, err)
		}
	})
}

func TestUnescape(t *testing.T) {
	for text, want := range map[string]string{`GET / "x"\r\n\r\n`: "GET / \"x\"\r\n\r\n", `\x00\xff\u00e9\\`: "\x00\xff\u00e9\\", "é": "é"} {
		if got, err := service.Unescape(text); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
	if _, err := service.Unescape(`a\q`); err == nil {
		t.Error("no error for a bad escape")
	}
}
