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

// TestNames: others rely on them.
func TestNames(t *testing.T) {
	for _, name := range strings.Fields("half-close-client half-close-server half-close-tolerance data-after-half-close reset-from-client reset-from-server refused unreachable client-gone server-gone idle keep-alive leak backpressure restart") {
		if !slices.Contains(Names(), name) {
			t.Errorf("no check is called %s", name)
		}
	}
}
