package proxy

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	for name, tt := range map[string]struct {
		c    Config
		want string // part of the error; empty for none
	}{
		"a command":    {Config{Command: []string{"socat", "TCP:{SERVER_HOST}:{SERVER_PORT}", "awk {print}"}}, ""},
		"NAT":          {Config{NAT: true}, ""},
		"nothing":      {Config{}, "give its command after --"},
		"both":         {Config{Command: []string{"x"}, NAT: true}, "give one of them"},
		"NAT, SOCKS":   {Config{NAT: true, Speak: SOCKS5}, "--socks5 is for a proxy"},
		"no name":      {Config{Command: []string{" "}}, "name is empty"},
		"zero byte":    {Config{Command: []string{"x", "a\x00b"}}, "zero byte"},
		"mistyped":     {Config{Command: []string{"x", "{LISTEN_HOST}:{LISTENPORT}"}}, "there is no {LISTENPORT}"},
		"no patience":  {Config{NAT: true, Patience: time.Millisecond}, "--patience 1ms is out of range"},
		"never ready":  {Config{NAT: true, Ready: -1}, "--ready -1ns is out of range"},
		"only nothing": {Config{NAT: true, Only: []string{"idel"}}, `--only "idel"`},
	} {
		err := tt.c.Validate()
		switch {
		case err == nil && tt.want != "":
			t.Errorf("%s: no error, want %q", name, tt.want)
		case err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		case err == nil && (tt.c.Patience != defaultPatience || tt.c.Ready != defaultReady):
			t.Errorf("%s: %+v", name, tt.c)
		}
	}
}

func TestFill(t *testing.T) {
	c := Config{Command: []string{"x{LISTEN_PORT}", "{LISTEN_HOST}:{LISTEN_PORT}={SERVER_HOST}:{SERVER_PORT}", "{OTHER}"}}
	args, env := c.fill()
	if want := []string{"x7001", "10.78.1.2:7001=10.78.2.2:7002", "{OTHER}"}; !slices.Equal(args, want) {
		t.Errorf("%q, want %q", args, want)
	}
	if want := []string{"LISTEN_HOST=10.78.1.2", "LISTEN_PORT=7001", "SERVER_HOST=10.78.2.2", "SERVER_PORT=7002"}; !slices.Equal(env, want) {
		t.Errorf("%q, want %q", env, want)
	}
}

// TestNames: others rely on them.
func TestNames(t *testing.T) {
	for _, name := range strings.Fields("half-close-client half-close-server half-close-tolerance data-after-half-close reset-from-client reset-from-server refused unreachable client-gone server-gone idle keep-alive leak backpressure restart") {
		if !slices.Contains(Names(), name) {
			t.Errorf("no check is called %s", name)
		}
	}
}

// TestTail: however much a proxy prints, the end of it is kept.
func TestTail(t *testing.T) {
	var s tail
	if s.String() != "none" {
		t.Errorf("nothing printed: %q", s.String())
	}
	if n, err := s.Write([]byte("first\nsec\x1bond\n")); n != 14 || err != nil {
		t.Fatal(n, err)
	}
	if got := s.String(); got != `first | sec\x1bond` {
		t.Errorf("%q", got)
	}
	for range 100 {
		_, _ = s.Write([]byte(strings.Repeat("x", 1000)))
	}
	_, _ = s.Write([]byte(strings.Repeat("y", 3*maxSaid) + "end"))
	if got := s.String(); len(got) > maxSaid+len("... ") || !strings.HasPrefix(got, "... y") || !strings.HasSuffix(got, "yend") {
		t.Errorf("%d bytes: %.20q", len(got), got)
	}
}
