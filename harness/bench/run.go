package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"lastack/harness/lab"
)

// run is one measurement of one subject: all that the processes started for it
// have to know.
type run struct {
	Subject string `json:"subject"`
	Measure string `json:"measure"`
	// ClientFirst makes the client close first, FromHost makes the data go to it.
	ClientFirst bool `json:"client_first,omitempty"`
	FromHost    bool `json:"from_host,omitempty"`
	// Workers is how many connections there are at once.
	Workers int `json:"workers,omitempty"`
	// Windows of so much time each are measured one after the other.
	Windows int           `json:"windows,omitempty"`
	Window  time.Duration `json:"window,omitempty"`
	// Count is how many connections or requests there are, where no time is given.
	Count int `json:"count,omitempty"`
}

// sample is what a run came to, by the keys of metrics.
type sample map[string]float64

// Environment variables that tell a process started for a run what it is in it.
// Their values are the run as JSON.
const (
	hostEnv   = "LASTACK_BENCH_HOST"   // the subject and its server, in a lab of its own
	clientEnv = "LASTACK_BENCH_CLIENT" // the clients, in the same lab
)

// IsChild reports whether this process was started for a run. It then is to call
// Child and to end.
func IsChild() bool {
	return os.Getenv(clientEnv) != "" || os.Getenv(hostEnv) != "" && lab.Inside()
}

// Child plays its part in a run, and prints what came of it for its parent.
func Child() error {
	play, spec := asHost, os.Getenv(hostEnv)
	if s := os.Getenv(clientEnv); s != "" {
		play, spec = asClient, s
	}
	var r run
	if err := json.Unmarshal([]byte(spec), &r); err != nil {
		return fmt.Errorf("bench: this process was started without a run: %w", err)
	}
	m, ok := measures[r.Measure]
	if !ok {
		return fmt.Errorf("bench: there is no measure %q", r.Measure)
	}
	return play(&r, &m)
}

// asHost starts the subject and its server, then the clients, and adds what only
// it knows to their sample.
func asHost(r *run, m *measure) (err error) {
	if err := lab.Setup(); err != nil {
		return err
	}
	w, err := raise(r.Subject, m.kind(r))
	if err != nil {
		return fmt.Errorf("bench: setting up %s: %w", r.Subject, err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := start(w, m.kind(r)); err != nil {
		return fmt.Errorf("bench: starting the server on %s: %w", r.Subject, err)
	}
	before, err := gauge()
	if err != nil {
		return err
	}
	var timeWaits func() int
	if w.Host != nil {
		timeWaits = w.Host.TimeWaits
	}
	s, pauses, err := startClients(r, timeWaits)
	if err != nil {
		return err
	}
	after, err := gauge()
	if err != nil {
		return err
	}
	m.settle(s, after.since(before), pauses)
	return json.NewEncoder(os.Stdout).Encode(s)
}

// asClient measures, and prints the sample.
func asClient(r *run, m *measure) error {
	s, err := m.client(r)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(s)
}
