package soak

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"lastack/harness/lab/wire"
)

// Comparison says what both hosts go through. The zero value is no load; use
// DefaultComparison.
type Comparison struct {
	Badness
	Workers  int
	Duration time.Duration
}

// DefaultComparison is a wire that loses, doubles and reorders some packets of
// each direction, for a while in which no TIME_WAIT of the kernel's ends.
func DefaultComparison(seed uint64) Comparison {
	return Comparison{
		Badness:  Badness{Seed: seed, Loss: 0.05, Duplicate: 0.02, Reorder: 0.05, Delay: time.Millisecond},
		Workers:  20,
		Duration: 20 * time.Second,
	}
}

// Compared is what one subject came to.
type Compared struct {
	Subject string   `json:"subject"`
	Clients *Clients `json:"clients"`
	// TimeWait counts the clients' sockets in TIME_WAIT at the end by the habit of
	// the client that closed first; where the server did, there are none.
	TimeWait map[string]int `json:"time_wait"`
	// SettleSeconds is how long after the last connection was over nothing was
	// left.
	SettleSeconds float64  `json:"settle_seconds"`
	Faults        []string `json:"faults"`
}

// Compare gives one subject, Kernel or Lastack, the load.
func Compare(ctx context.Context, subject string, c Comparison) (_ *Compared, err error) {
	// An ACK that comes late, after the server is through, is answered with a RST,
	// which would end the client's TIME_WAIT (RFC 1337).
	w, err := raise(ctx, subject, wire.Config{
		NearSettings: map[string]string{"net.ipv4.tcp_rfc1337": "1"}, Join: c.Badness.join,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := w.Serve(w.Far, echoServer, closesServer); err != nil {
		return nil, err
	}
	l := &load{
		To: hostAddr, Seed: c.Seed, Workers: c.Workers, Mix: map[string]int{echoes: 80, closesSecond: 20},
		Least: 1, Most: 200_000, Duration: c.Duration, Grace: settling,
	}
	r := &Compared{Subject: subject}
	waits := make(timeWaits)
	var looking error
	r.Clients, err = startClients(ctx, l, func(*Clients) {
		looking = errors.Join(looking, waits.look(w.Near))
	}, func() error { return r.settle(ctx, w) })
	if err := errors.Join(err, looking, waits.look(w.Near)); err != nil {
		return nil, err
	}
	r.TimeWait = waits.count()
	r.judge()
	return r, nil
}

// settle waits until nothing is left at either side, while the wire stays bad.
func (r *Compared) settle(ctx context.Context, w *wire.Wire) error {
	start := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		client, err := live(w.Near)
		if err != nil {
			return err
		}
		host, err := live(w.Far)
		r.SettleSeconds = time.Since(start).Seconds()
		if err != nil || len(client)+len(host) == 0 {
			return err
		}
		if time.Since(start) > settling {
			for _, s := range append(client, host...) {
				r.Faults = append(r.Faults, "stuck: "+shown(&s))
			}
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// timeWaits are the clients' connections that were seen in TIME_WAIT, by their own
// address. They are looked for all the time, as a slow connection may outlast the
// TIME_WAIT of the others.
type timeWaits map[netip.AddrPort]*habit

// look adds those of now.
func (t timeWaits) look(near wire.Side) error {
	all, err := near.Sockets()
	for _, s := range all {
		for _, h := range []*habit{&habits[0], &habits[1]} {
			if s.State == "TIME_WAIT" && s.Remote.Port() == h.port {
				t[s.Local] = h
			}
		}
	}
	return err
}

// count counts them by habit.
func (t timeWaits) count() map[string]int {
	count := make(map[string]int)
	for _, h := range t {
		count[h.name]++
	}
	return count
}

// judge holds the bytes and the final states to what both hosts owe: the client
// that half-closed first is in TIME_WAIT, the other is not.
func (r *Compared) judge() {
	c := r.Clients
	if n := c.failures() + int64(len(c.Open)); n > 0 {
		r.Faults = append(r.Faults, fmt.Sprintf("%d connections failed or are open: %d with a wrong byte, %s", n, c.Wrong, counted(c.Failed)))
		r.Faults = append(r.Faults, c.Samples...)
	}
	if got, want := r.TimeWait[echoes], c.Habits[echoes]; int64(got) != want {
		r.Faults = append(r.Faults, fmt.Sprintf("%d clients that closed first are in TIME_WAIT, of %d", got, want))
	}
	if got := r.TimeWait[closesSecond]; got > 0 {
		r.Faults = append(r.Faults, fmt.Sprintf("%d clients that closed second are in TIME_WAIT", got))
	}
}
