package monitor

import (
	"cmp"
	"context"
	"fmt"

	"lastack/harness/host/control"
	"lastack/harness/lab/sockstat"
	"lastack/harness/term"
	"lastack/stack/tunable"
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
	// Rest is how many ports are taken toward other destinations.
	Rest int
	// CloseWait are the connections in CLOSE_WAIT, at most MaxHeld; Beyond is how many there
	// are besides.
	CloseWait []Held
	Beyond    int
	// Counters of TCP by nstat's names; those that could not be read, or are not counted, are
	// not there.
	Counters map[string]uint64
	// Orphans are the sockets that no process holds; nil is not known.
	Orphans *int
}

// MaxHeld is how many connections in CLOSE_WAIT a Sample tells apart.
const MaxHeld = 65_536

func (s *Sample) hold(h Held) {
	if len(s.CloseWait) == MaxHeld {
		s.Beyond++
		return
	}
	s.CloseWait = append(s.CloseWait, h)
}

// Held is a connection in CLOSE_WAIT and who holds it.
type Held struct {
	// ID tells the connection from others, at this look and at the next.
	ID string
	Owner

	inode uint32
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
		s.hold(heldByApp(c))
		return nil
	})
	return s, err
}

// heldByApp is a connection of a lastack host.
func heldByApp(c *sockstat.Socket) Held {
	return Held{
		ID:    c.Local.String() + " " + c.Remote.String(),
		Owner: Owner{Name: fmt.Sprintf("port %d", c.Local.Port())},
	}
}

// Own is a lastack host in this process. Sockets and Tunables are required.
type Own struct {
	Sockets  control.SocketSource
	Tunables *tunable.Set
	// Counters are those of Sample; nil has none.
	Counters func() map[string]uint64
	// Top is how many destinations a look brings back; 0 means 10.
	Top int
}

// Name says so.
func (o *Own) Name() string { return "this host" }

// Look goes through the sockets.
func (o *Own) Look(context.Context) (*Sample, error) {
	c := o.Sockets.SocketCounts()
	s := &Sample{States: c.States, Orphans: &c.Orphaned}
	ports := control.CountPorts(o.Sockets, o.Tunables, func(t *sockstat.Socket) {
		if t.State == "CLOSE_WAIT" {
			s.hold(heldByApp(t))
		}
	})
	top := cmp.Or(o.Top, busiest)
	s.Destinations, s.Rest = ports.Busiest(top), ports.Rest(top)
	if o.Counters != nil {
		s.Counters = o.Counters()
	}
	return s, nil
}
