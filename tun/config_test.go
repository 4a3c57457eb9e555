package tun_test

import (
	"errors"
	"io/fs"
	"net/netip"
	"strings"
	"testing"

	"lastack/tun"
)

func prefixes(list ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

func TestValidate(t *testing.T) {
	v4, v6 := prefixes("192.0.2.1/24"), prefixes("192.0.2.1/24", "2001:db8::1/64")
	for _, c := range []struct {
		name string
		cfg  tun.Config
		want string // a part of the error, "" for none
	}{
		{"zero", tun.Config{}, ""},
		{"full", tun.Config{Name: "lastack0", MTU: 9000, Addrs: v6}, ""},
		{"longest name", tun.Config{Name: "abcdefghijklmno"}, ""},
		{"long name", tun.Config{Name: "abcdefghijklmnop"}, "at most 15"},
		{"long in bytes", tun.Config{Name: "ääääääää"}, "16 bytes"},
		{"name in UTF-8", tun.Config{Name: "äää"}, ""},
		{"slash", tun.Config{Name: "a/b"}, `'/'`},
		{"space", tun.Config{Name: "a b"}, `' '`},
		{"newline", tun.Config{Name: "a\n"}, `'\n'`},
		{"zero byte", tun.Config{Name: "a\x00"}, `'\x00'`},
		{"colon", tun.Config{Name: "a:1"}, `':'`},
		{"pattern", tun.Config{Name: "tun%d"}, `'%'`},
		{"dot", tun.Config{Name: "."}, "reserved"},
		{"dots", tun.Config{Name: ".."}, "reserved"},
		{"all", tun.Config{Name: "all"}, "reserved"},
		{"least MTU", tun.Config{MTU: 576, Addrs: v4}, ""},
		{"below IPv4", tun.Config{MTU: 575}, "576"},
		{"negative", tun.Config{MTU: -1}, "576"},
		{"least for IPv6", tun.Config{MTU: 1280, Addrs: v6}, ""},
		{"below IPv6", tun.Config{MTU: 1279, Addrs: v6}, "1280"},
		{"largest", tun.Config{MTU: 65535}, ""},
		{"too large", tun.Config{MTU: 65536}, "65535"},
		{"zero prefix", tun.Config{Addrs: make([]netip.Prefix, 1)}, "not a valid prefix"},
		{"unspecified", tun.Config{Addrs: prefixes("0.0.0.0/0")}, "not an address of one host"},
		{"multicast", tun.Config{Addrs: prefixes("ff02::1/128")}, "not an address of one host"},
		{"broadcast", tun.Config{Addrs: prefixes("255.255.255.255/32")}, "not an address of one host"},
		{"mapped", tun.Config{Addrs: prefixes("::ffff:192.0.2.1/120")}, "write it as IPv4"},
		{"twice", tun.Config{Addrs: prefixes("192.0.2.1/24", "192.0.2.1/32")}, "given twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.cfg.Validate()
			if c.want == "" {
				if err != nil {
					t.Errorf("error %v, want none", err)
				}
				return
			}
			wantError(t, err, fs.ErrInvalid, c.want)
			if _, open := tun.Open(c.cfg); open == nil || open.Error() != err.Error() {
				t.Errorf("Open says %v, Validate %v", open, err)
			}
		})
	}
}

// wantError checks that err is one line of an *Error, matches is and has all parts.
func wantError(t *testing.T, err, is error, parts ...string) {
	t.Helper()
	var e *tun.Error
	if !errors.As(err, &e) || !errors.Is(err, is) {
		t.Errorf("error is %v (%T), want an *Error that matches %v", err, err, is)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not have %q", err, part)
		}
	}
	if s := err.Error(); !strings.HasPrefix(s, "tun") || strings.ContainsAny(s, "\n") {
		t.Errorf("error is not one line of this package: %q", s)
	}
	t.Log(err)
}
