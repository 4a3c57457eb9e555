package soak

import (
	"context"
	"errors"
	"time"

	"lastack/harness/host/serve"
	"lastack/harness/lab"
	"lastack/harness/lab/wire"
)

// Measured is what a measurement came to.
type Measured struct {
	Subject string `json:"subject"`
	// Clients is what the clients had done when the grace was over.
	Clients *Clients `json:"clients"`
	// ClientStates and HostStates count the live sockets then, by state.
	ClientStates map[string]int `json:"client_states"`
	HostStates   map[string]int `json:"host_states"`
	Seconds      float64        `json:"seconds"`
	// ClientSockets and HostSockets are those sockets.
	ClientSockets []lab.Socket `json:"client_sockets,omitempty"`
	HostSockets   []lab.Socket `json:"host_sockets,omitempty"`
}

// Measurement says what to measure with. The zero value is what the known
// figures were measured with.
type Measurement struct {
	Seed uint64
	// Percent of what the host sends is lost (MeasureLoss). 0 is 20.
	Percent int
	// Workers of MeasureLoss, or busy loops of MeasureBusy. 0 is 40, or one more
	// than there are processors.
	Workers int
	// Count is how many transfers MeasureBusy makes. 0 is 40.
	Count int64
	// Duration and Grace of MeasureLoss. 0 is 30 s and 45 s.
	Duration, Grace time.Duration
	// Plain leaves Go's runtime as it is; otherwise it is set as lastack's serve
	// sets it.
	Plain bool
	// Progress is called each second. Nil is nothing.
	Progress func(*Clients)
}

// MeasureLoss has clients echo while a part of what the host sends is lost, and
// counts what is stuck some time after.
func MeasureLoss(ctx context.Context, subject string, m Measurement) (*Measured, error) {
	m.complete()
	l := &load{
		To: hostAddr, Seed: m.Seed, Workers: or(m.Workers, 40), Least: 1, Most: 200_000,
		Duration: m.Duration, Grace: m.Grace,
	}
	return measure(ctx, subject, m, loss{in: m.Percent}, l)
}

// MeasureBusy has one client echo 8 MiB after another beside busy loops, and counts
// those without progress for half a minute.
func MeasureBusy(ctx context.Context, subject string, m Measurement) (*Measured, error) {
	m.complete()
	const size, bound = 8 << 20, 4 * time.Hour
	stop, err := burners(ctx, or(m.Workers, processors+1), bound)
	if err != nil {
		return nil, err
	}
	defer stop()
	l := &load{
		To: hostAddr, Seed: m.Seed, Workers: 1, Least: size, Most: size, Count: or(m.Count, 40),
		Duration: bound, Idle: 30 * time.Second,
	}
	return measure(ctx, subject, m, loss{}, l)
}

func (m *Measurement) complete() {
	m.Percent = or(m.Percent, 20)
	m.Duration = or(m.Duration, 30*time.Second)
	m.Grace = or(m.Grace, 45*time.Second)
	if m.Progress == nil {
		m.Progress = func(*Clients) {}
	}
}

func or[T comparable](v, zero T) T {
	if v == *new(T) {
		return zero
	}
	return v
}

func measure(ctx context.Context, subject string, m Measurement, bad loss, l *load) (_ *Measured, err error) {
	if !m.Plain {
		serve.TuneRuntime()
	}
	w, err := raise(ctx, subject, wire.Config{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := w.Serve(w.Far, echoServer); err != nil {
		return nil, err
	}
	if bad != (loss{}) {
		if err := bad.apply(ctx); err != nil {
			return nil, err
		}
	}
	r := &Measured{Subject: subject}
	start := time.Now()
	r.Clients, err = startClients(ctx, l, m.Progress, func() error {
		r.Seconds = time.Since(start).Seconds()
		return r.look(w)
	})
	return r, err
}

// look takes down what is live on both sides.
func (r *Measured) look(w *wire.Wire) (err error) {
	if r.ClientSockets, err = live(w.Near); err != nil {
		return err
	}
	if r.HostSockets, err = live(w.Far); err != nil {
		return err
	}
	r.ClientStates, r.HostStates = states(r.ClientSockets), states(r.HostSockets)
	return nil
}
