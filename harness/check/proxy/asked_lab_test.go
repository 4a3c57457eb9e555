package proxy_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"lastack/harness/check/proxy"
	"lastack/harness/lab/labtest"
)

// Modes of a correct proxy that is asked for its server.
const (
	socks   mode = "speaks SOCKS5"
	connect mode = "speaks CONNECT"
)

// asked reads whom a client wants, and returns how to answer that.
func (m mode) asked(c net.Conn) (server string, answer func(error) error, err error) {
	if m == connect {
		var header strings.Builder
		for b := make([]byte, 1); !strings.HasSuffix(header.String(), "\r\n\r\n"); {
			if _, err := io.ReadFull(c, b); err != nil {
				return "", nil, err
			}
			header.Write(b)
		}
		_, err := fmt.Sscanf(header.String(), "CONNECT %s HTTP/1.1\r\n", &server)
		return server, func(err error) error {
			status := "200 Connected"
			if err != nil {
				status = "502 Bad Gateway"
			}
			_, err = fmt.Fprintf(c, "HTTP/1.1 %s\r\n\r\n", status)
			return err
		}, err
	}
	var greeting [3]byte
	if _, err := io.ReadFull(c, greeting[:]); err != nil {
		return "", nil, err
	}
	if _, err := c.Write([]byte{5, 0}); err != nil {
		return "", nil, err
	}
	var request [10]byte
	if _, err := io.ReadFull(c, request[:]); err != nil {
		return "", nil, err
	}
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte(request[4:8])), uint16(request[8])<<8|uint16(request[9]))
	return at.String(), func(err error) error {
		reply := append([]byte{5, 0}, request[2:]...)
		if err != nil {
			reply[1] = 5
		}
		_, err = c.Write(reply)
		return err
	}, nil
}

// TestAsked: proxies that are asked for the server, by SOCKS5 and by CONNECT.
func TestAsked(t *testing.T) {
	t.Parallel()
	if !labtest.Inside(t) {
		return
	}
	for m, want := range map[mode]string{socks: "SOCKS5 reply 5 (connection refused)", connect: "HTTP 502 Bad Gateway"} {
		c := config(t, m)
		c.Patience = 200 * time.Millisecond
		c.Speak = proxy.SOCKS5
		if m == connect {
			c.Speak = proxy.Connect
		}
		c.Only = []string{"close", "half-close-server", "reset-from-client", "refused", "unreachable", "client-gone", "server-gone", "idle"}
		all := examine(t, c)
		if got := named(t, all, "refused"); !strings.Contains(got.How, want) {
			t.Errorf("%s: %q, want %q in it", m, got.How, want)
		}
	}
}
