package monitor

import (
	"context"
	"fmt"

	"lastack/harness/host/control"
	"lastack/harness/lab/sockstat"
	"lastack/harness/term"
)

// busiest is how many destinations a look brings back.
const busiest = 10

// Source has sockets to look at.
type Source interface {
	// Look takes a sample. It gives up when ctx ends.
	Look(ctx context.Context) (*Sample, error)
	// Name says whose sockets they are.
	Name() string
}

// Sample is what one look saw.
type Sample struct {
	// States has a number for each state in which there is a socket.
	States map[string]int
	// Destinations are the ones toward which most ports are taken.
	Destinations []sockstat.Destination
	// CloseWait are the connections in CLOSE_WAIT.
	CloseWait []Held
}

// Held is a connection in CLOSE_WAIT and who holds it.
type Held struct {
	// ID tells the connection from others, at this look and at the next.
	ID string
	Owner
}

// Owner is who ought to close a connection.
type Owner struct {
	// Name is the process's, or the port of a lastack host's app. It is
	// "unknown" if the process could not be found.
	Name string
	// PID is 0 if there is none, or it is not known.
	PID int
}

// String is "nginx (812)" or "port 8004". A process chooses its name itself, so it may
// come in quotes.
func (o Owner) String() string {
	if o.PID == 0 {
		return term.Quote(o.Name)
	}
	return fmt.Sprintf("%s (%d)", term.Quote(o.Name), o.PID)
}

// Host is a lastack host behind a control socket.
type Host struct {
	client *control.Client
	path   string
}

// NewHost watches the host whose control socket is at path.
func NewHost(path string) *Host { return &Host{client: control.NewClient(path), path: path} }

// Name is the socket's path.
func (h *Host) Name() string { return "lastack at " + h.path }

// Look asks for the counts, and lists only what is in CLOSE_WAIT.
func (h *Host) Look(ctx context.Context) (*Sample, error) {
	sum, err := h.client.Summary(ctx)
	if err != nil {
		return nil, err
	}
	s := &Sample{States: sum.States}
	if s.Destinations, err = h.client.Destinations(ctx, busiest); err != nil {
		return nil, err
	}
	if sum.States["CLOSE_WAIT"] == 0 {
		return s, nil
	}
	err = h.client.Sockets(ctx, "CLOSE_WAIT", func(c *sockstat.Socket) error {
		s.CloseWait = append(s.CloseWait, Held{
			ID:    c.Local.String() + " " + c.Remote.String(),
			Owner: Owner{Name: fmt.Sprintf("port %d", c.Local.Port())},
		})
		return nil
	})
	return s, err
}
