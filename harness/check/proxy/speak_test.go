package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestAsk: what the client says, what it makes of the answer, and that what comes behind
// the answer stays for the connection.
func TestAsk(t *testing.T) {
	const connect = "CONNECT 10.78.2.2:7002 HTTP/1.1\r\nHost: 10.78.2.2:7002\r\n\r\n"
	for name, tt := range map[string]struct {
		speak         Speak
		says, answers string
		refused, err  string
	}{
		"plain":          {Plain, "", "", "", ""},
		"connect":        {Connect, connect, "HTTP/1.1 200 OK\r\nVia: x\r\n\r\n", "", ""},
		"connect, no":    {Connect, connect, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nno\n", "HTTP 503 Service Unavailable", ""},
		"connect, other": {Connect, connect, "220 ready\r\n\r\n", "", "malformed HTTP"},
		"socks":          {SOCKS5, "\x05\x01\x00", "\x05\x00\x05\x00\x00\x01\x01\x02\x03\x04\x00\x50", "", ""},
		"socks, a name":  {SOCKS5, "\x05\x01\x00", "\x05\x00\x05\x00\x00\x03\x02ab\x00\x50", "", ""},
		"socks, no":      {SOCKS5, "\x05\x01\x00", "\x05\x00\x05\x05\x00\x01\x01\x02\x03\x04\x00\x50", "SOCKS5 reply 5 (connection refused)", ""},
		"socks, login":   {SOCKS5, "\x05\x01\x00", "\x05\xff", "SOCKS5 method 255", ""},
	} {
		client, proxy := net.Pipe()
		said := make(chan string, 1)
		go func() {
			b := make([]byte, len(tt.says))
			_, _ = io.ReadFull(proxy, b)
			go func() { _, _ = io.Copy(io.Discard, proxy) }()
			_, _ = proxy.Write([]byte(tt.answers + "rest"[:4*len(tt.answers)/max(len(tt.answers), 1)]))
			said <- string(b)
			if tt.err != "" {
				_ = proxy.Close()
			}
		}()
		err := tt.speak.ask(client, time.Minute)
		var refused *RefusedError
		switch {
		case tt.refused != "":
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.refused) {
				t.Errorf("%s: %v, want %q", name, err, tt.refused)
			}
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: %v, want %q", name, err, tt.err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.speak != Plain:
			rest := make([]byte, 4)
			if _, err := io.ReadFull(client, rest); err != nil || string(rest) != "rest" {
				t.Errorf("%s: behind the answer comes %q, %v", name, rest, err)
			}
		}
		_ = client.Close()
		_ = proxy.Close()
		if got := <-said; err == nil && got != tt.says {
			t.Errorf("%s: said %q, want %q", name, got, tt.says)
		}
	}
}

// FuzzAnswer: whatever a proxy answers, reading it ends, and takes no more than a header.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 407 No\r\nA: b\r\n\r\n", "\x05\x00\x00\x01\x01\x02\x03\x04\x00\x50", "\x05\x01\x00\x03\xffab", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, s := range []Speak{SOCKS5, Connect} {
			r := bytes.NewReader(b)
			if err := s.answer(r); err == nil && len(b)-r.Len() > maxHeader {
				t.Errorf("%s read %d bytes", s, len(b)-r.Len())
			}
		}
	})
}
