package proxy

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"lastack/harness/check"
	"lastack/harness/lab/middle"
	"lastack/harness/lab/wire"
)

// Speak is what a client says to the proxy before it can speak to the server.
type Speak string

// The ways to ask for the server.
const (
	Plain   Speak = ""        // nothing: the proxy knows its server
	SOCKS5  Speak = "socks5"  // RFC 1928, without authentication
	Connect Speak = "connect" // HTTP CONNECT, RFC 9110 9.3.6
)

// Config describes a run. Command or NAT is required; the zero value of everything else
// works.
type Config struct {
	// Command is the proxy's, with its arguments. {LISTEN_HOST}, {LISTEN_PORT},
	// {SERVER_HOST} and {SERVER_PORT} anywhere in them are replaced, and are in its
	// environment under these names.
	Command []string
	// NAT puts nftables in the middle, in place of a command.
	NAT bool
	// Speak is what the client says to the proxy first.
	Speak Speak
	// Patience is how long a connection is left alone, to see whether it is cut. 0 means
	// 3 s.
	Patience time.Duration
	// Ready is how long the command may take until something listens. 0 means 10 s.
	Ready time.Duration
	// Only names the checks to make; empty means all.
	Only []string
	// Begin is called before a check, Done after it; either may be nil.
	Begin func(check.Progress)
	Done  func(*check.Check)
}

// Bounds of Config.Patience and Config.Ready.
const (
	defaultPatience = 3 * time.Second
	defaultReady    = middle.DefaultReady
	maxWait         = 24 * time.Hour
)

// Names are the names of the checks, in the order in which they are made.
func Names() (names []string) {
	for _, c := range all {
		names = append(names, c.name)
	}
	return names
}

// Validate fills in what is 0, and reports what is wrong in the Config.
func (c *Config) Validate() error {
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	if c.Ready == 0 {
		c.Ready = defaultReady
	}
	switch {
	case len(c.Command) == 0 && !c.NAT:
		return errors.New("no proxy to check: give its command after --, such as: lastack proxy -- socat TCP-LISTEN:{LISTEN_PORT},fork,reuseaddr TCP:{SERVER_HOST}:{SERVER_PORT}")
	case len(c.Command) > 0 && c.NAT:
		return errors.New("--through nat and a command both say what is in the middle; give one of them")
	case c.NAT && c.Speak != Plain:
		return fmt.Errorf("--%s is for a proxy, and NAT is none; leave it out", c.Speak)
	case c.Patience < 100*time.Millisecond || c.Patience > maxWait:
		return fmt.Errorf("--patience %v is out of range; give 100ms to 24h", c.Patience)
	case c.Ready < 100*time.Millisecond || c.Ready > maxWait:
		return fmt.Errorf("--ready %v is out of range; give 100ms to 24h", c.Ready)
	}
	if len(c.Command) > 0 {
		if err := middle.Validate(c.Command); err != nil {
			return err
		}
	}
	return check.Names("--only", c.Only, Names())
}

// wants reports whether a check is to be made.
func (c *Config) wants(name string) bool {
	return len(c.Only) == 0 || slices.Contains(c.Only, name)
}

// pathConfig is that of the wire. Buffers are smaller than Linux would let them grow, so
// that a proxy which does not stop reading is known sooner.
func pathConfig() wire.PathConfig {
	c := middle.Path()
	c.Settings = map[string]string{
		"net.ipv4.tcp_rmem": "4096 131072 524288", "net.ipv4.tcp_wmem": "4096 16384 524288",
	}
	return c
}

// Addresses says where the proxy is to listen, and where the server is.
func Addresses() string { return fmt.Sprintf("%s and %s", middle.ListenAt, middle.ServerAt) }
