package web

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"lastack/harness/app"
	"lastack/harness/host/control"
	"lastack/harness/lab"
	"lastack/harness/teardown"
)

// Config says what the page shows. Token, Board and Control are required; the zero value of
// everything else works, and leaves out what it is about.
type Config struct {
	// Token is what the printed URL has, at least MinToken characters long.
	Token string
	// Host is the name or address that --web was given; requests may use it, too.
	Host string
	// Board has the connections.
	Board *Board
	// Control is the host as the control API shows it.
	Control control.Config
	// Addrs are the host's addresses, Apps its servers.
	Addrs []netip.Addr
	Apps  []app.Spec
	// FINTimer is how long it takes until the host sends the FIN of a connection again, of how
	// long; false if it does not. Nil leaves it out.
	FINTimer func(local, remote netip.AddrPort) (left, whole time.Duration, runs bool)
	// Kernel lists the sockets of the kernel at the other end. Nil leaves its TIME_WAIT out.
	Kernel func() ([]lab.Socket, error)
	// Lessons are questions to predict the answer of, and Run finds it out. Run is called for one
	// at a time.
	Lessons []Lesson
	Run     func(ctx context.Context, l *Lesson) ([]Outcome, error)
}

// MinToken is how many characters a token has at least.
const MinToken = 16

// validate reports what is missing.
func (c *Config) validate() error {
	switch {
	case len(c.Token) < MinToken:
		return errors.New("web: the token is shorter than 16 characters")
	case c.Board == nil || c.Control.Tunables == nil || c.Control.Info == nil:
		return errors.New("web: Config.Board and Config.Control are required")
	}
	return nil
}

// Lesson is an experiment or a claim, of which the answer is to be predicted.
type Lesson struct {
	ID string `json:"id"`
	// Claim is a claim's number; 0 is an experiment.
	Claim    int    `json:"claim,omitempty"`
	Question string `json:"question"`
	// Truth is what there is to say afterwards, and Wrong what people get wrong.
	Truth string `json:"-"`
	Wrong string `json:"-"`
}

// Outcome is what a lesson came to on one subject.
type Outcome struct {
	Subject string `json:"subject"`
	// Verdict is a claim's ("holds"), or an experiment's ("pass"), and Why what was measured, or
	// what differs from what was expected.
	Verdict string `json:"verdict"`
	Why     string `json:"why,omitempty"`
	// Report is the connection, nil where there is none to show; Client and Server say what is
	// at its ends.
	Report         *teardown.Report `json:"-"`
	Client, Server string           `json:"-"`
}
