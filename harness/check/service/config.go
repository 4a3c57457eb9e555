package service

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"lastack/harness/check"
)

// Bounds of what a run does to a service.
const (
	// MaxConnections is how many connections a run makes at most.
	MaxConnections = 20
	// MaxPadding is how many bytes are sent at most beside Config.Send.
	MaxPadding = 64 << 10
)

// Config describes a run. Address is required; the zero value of everything else works.
type Config struct {
	// Address is HOST:PORT.
	Address string
	// TLS speaks TLS; the certificate is not verified, as nothing secret is sent.
	TLS bool
	// Send is what asks the service for something. Without it, only what needs no answer is
	// checked.
	Send string
	// Patience is how long an idle connection, or an answer, is waited for. 0 means 10 s.
	Patience time.Duration
	// Only names the checks to make; empty means all.
	Only []string
	// Begin is called before a check, Done after it; either may be nil.
	Begin func(check.Progress)
	Done  func(*check.Check)
}

const defaultPatience = 10 * time.Second

// maxSend bounds Config.Send.
const maxSend = 64 << 10

// Validate fills in what is 0, and reports what is wrong in the Config.
func (c *Config) Validate() error {
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	host, port, err := net.SplitHostPort(c.Address)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || host == "" || bad != nil || n == 0 {
		return fmt.Errorf("%q is no HOST:PORT; give a host and a port from 1 to 65535", c.Address)
	}
	switch {
	case len(c.Send) > maxSend:
		return fmt.Errorf("--send has %d bytes; give at most %d", len(c.Send), maxSend)
	case c.Patience < 100*time.Millisecond || c.Patience > 24*time.Hour:
		return fmt.Errorf("--patience %v is out of range; give 100ms to 24h", c.Patience)
	}
	return check.Names("--only", c.Only, Names())
}

// Unescape reads \r, \n and the other escapes of a Go string, as --send is given.
func Unescape(text string) (string, error) {
	var out []byte
	for len(text) > 0 {
		if text[0] != '\\' { // a quote or a newline is itself
			out, text = append(out, text[0]), text[1:]
			continue
		}
		r, multibyte, rest, err := strconv.UnquoteChar(text, 0)
		if err != nil {
			return "", errors.New(`--send has a backslash that begins no escape; write \\ for a backslash, \r\n for the end of a line`)
		}
		if r < 0x80 || !multibyte {
			out = append(out, byte(r))
		} else {
			out = append(out, string(r)...)
		}
		text = rest
	}
	return string(out), nil
}
