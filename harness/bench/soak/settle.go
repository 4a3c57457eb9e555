package soak

import (
	"context"
	"fmt"
	"time"

	"lastack/harness/lab"
)

// remains is what is left of the connections.
type remains struct {
	client, host []lab.Socket
	flows        int
	timeWaits    int
}

func (r *remains) stuck() bool { return len(r.client)+len(r.host)+r.flows > 0 }

// look takes down what is left now.
func (s *soaking) look() (r remains, err error) {
	if r.client, err = live(s.wire.Near); err != nil {
		return r, err
	}
	r.host, err = live(s.wire.Far)
	r.flows, r.timeWaits = s.host.Flows(), s.host.TimeWaits()
	return r, err
}

// settle waits until nothing is left, at the latest until end, and what is left then are
// faults. Handshakes that nobody completes and TIME_WAIT end by timers of their own.
func (s *soaking) settle(ctx context.Context, end time.Time) error {
	r, err := s.until(ctx, end, func(r *remains) bool { return !r.stuck() })
	if err != nil {
		return err
	}
	// The close path follows a handshake a little longer than netstack keeps it.
	if embryos := states(r.host)["SYN_RECEIVED"]; r.stuck() && embryos == len(r.host) && len(r.client) == 0 {
		r, err = s.until(ctx, time.Now().Add(embryoLife+10*time.Second), func(r *remains) bool { return !r.stuck() })
		if err != nil {
			return err
		}
	}
	s.tell(&r)
	r, err = s.until(ctx, time.Now().Add(3*msl), func(r *remains) bool { return r.timeWaits == 0 })
	if r.timeWaits > 0 {
		s.fault(fmt.Sprintf("%s: %d connections are in TIME_WAIT longer than %v", s.phase, r.timeWaits, 2*msl))
	}
	return err
}

// tell makes faults of what is stuck.
func (s *soaking) tell(r *remains) {
	if !r.stuck() {
		return
	}
	s.fault(fmt.Sprintf("%s: stuck at the client: %s; at the host: %s; the close path follows %d flows",
		s.phase, counted(states(r.client)), counted(states(r.host)), r.flows))
	for _, k := range r.client[:min(len(r.client), samples)] {
		s.fault(fmt.Sprintf("%s: client: %s; the host: %s", s.phase, shown(&k), stateOf(r.host, k.Local)))
	}
	for _, k := range r.host[:min(len(r.host), samples)] {
		s.fault(fmt.Sprintf("%s: host: %s; the client: %s", s.phase, shown(&k), stateOf(r.client, k.Remote)))
	}
}

// until looks again and again until what is left is as wanted, or end.
func (s *soaking) until(ctx context.Context, end time.Time, wanted func(*remains) bool) (remains, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	told := time.Now()
	for {
		s.sweep()
		r, err := s.look()
		if err != nil || wanted(&r) || time.Now().After(end) {
			return r, err
		}
		if time.Since(told) > 10*time.Second {
			told = time.Now()
			s.Log("settling: clients %s; host %s; %d flows, %d in TIME_WAIT",
				counted(states(r.client)), counted(states(r.host)), r.flows, r.timeWaits)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return r, context.Cause(ctx)
		}
	}
}

// sweep closes what the servers have of clients that are gone.
func (s *soaking) sweep() {
	clients, err := live(s.wire.Near)
	if err != nil {
		s.Log("asking the kernel for its sockets: %v", err)
		return
	}
	s.result.Abandoned += s.conns.sweep(clients)
}
