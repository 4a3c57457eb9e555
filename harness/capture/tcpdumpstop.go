package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Drain says when all packets of interest have arrived, for Tcpdump.Stop: tcpdump
// discards what it has not yet read when it is interrupted. The zero value waits for 200
// ms of silence.
type Drain struct {
	// Packets ends the wait as soon as that many IP packets were captured
	// since the start, if it is above 0: what a Live on the same interface recorded,
	// or what the caller has already got from Next.
	Packets int
	// Quiet ends the wait when no packet has arrived for that long. 0 means
	// 200 ms.
	Quiet time.Duration
}

// Counters is what tcpdump reported at its end.
type Counters struct {
	Captured int // written to its output
	Received int // passed its filter; on a loopback interface twice as many
	Dropped  int // by the kernel, because the ring buffer was full
}

// Stop waits until the packets of interest have arrived, as d says, interrupts tcpdump,
// and returns its counters. If packets were lost the error is a *DropError, and the
// counters are valid. When ctx ends first, tcpdump is killed. It may be called again, and
// returns the same counters.
func (t *Tcpdump) Stop(ctx context.Context, d Drain) (Counters, error) {
	err := t.drain(ctx, d)
	if err == nil {
		err = t.interrupt(ctx)
	}
	if err != nil {
		t.Close()
		return Counters{}, fmt.Errorf("capture: stop tcpdump on %s: %w", t.iface, err)
	}
	return t.counters()
}

func (t *Tcpdump) drain(ctx context.Context, d Drain) error {
	if d.Quiet <= 0 {
		d.Quiet = 200 * time.Millisecond
	}
	quiet := time.NewTimer(d.Quiet)
	defer quiet.Stop()
	for {
		t.mu.Lock()
		enough := d.Packets > 0 && t.packets >= d.Packets
		t.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-t.arrived:
			quiet.Reset(d.Quiet)
		case <-quiet.C:
			return nil
		case <-t.pumped:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// interrupt ends tcpdump the way Ctrl-C does, and waits for it.
func (t *Tcpdump) interrupt(ctx context.Context) error {
	select {
	case <-t.pumped: // it has ended, by an earlier Stop or by itself
		if !t.isStopping() {
			return t.explain(t.exited())
		}
	default:
		t.setStopping()
		if err := t.cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	select {
	case <-t.pumped:
		return t.exited()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *Tcpdump) isStopping() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stopping
}

func (t *Tcpdump) setStopping() {
	t.mu.Lock()
	t.stopping = true
	t.mu.Unlock()
}

// counters reads what tcpdump said at its end, and checks it against what
// came through the pipe.
func (t *Tcpdump) counters() (Counters, error) {
	var c Counters
	c.Captured = t.stderr.number("packets captured", "packet captured")
	c.Received = t.stderr.number("packets received by filter", "packet received by filter")
	c.Dropped = t.stderr.number("packets dropped by kernel", "packet dropped by kernel")
	if c.Captured < 0 || c.Received < 0 || c.Dropped < 0 {
		return Counters{}, fmt.Errorf("capture: tcpdump on %s ended without its counters: %q", t.iface, t.stderr.text())
	}
	t.mu.Lock()
	records, readErr := t.records, t.readErr
	t.mu.Unlock()
	if !errors.Is(readErr, io.EOF) {
		return c, fmt.Errorf("capture: read the output of tcpdump on %s: %w", t.iface, readErr)
	}
	lost := &DropError{Source: "tcpdump on " + t.iface}
	unread := c.Received - c.Dropped - c.Captured
	switch {
	case c.Dropped > 0:
		lost.Packets, lost.Why = uint64(c.Dropped), "the kernel's ring buffer was full; raise TcpdumpConfig.Buffer"
	case unread > 0 && !t.loopback:
		lost.Packets, lost.Why = uint64(unread), "it was stopped before it had read them; raise Drain.Quiet or name their number in Drain.Packets"
	case records < c.Captured:
		lost.Packets, lost.Why = uint64(c.Captured-records), "they are missing in its output"
	default:
		return c, nil
	}
	return c, lost
}

// Close kills tcpdump if it still runs, and waits for its end. Next still returns the
// queued packets.
func (t *Tcpdump) Close() error {
	t.setStopping()
	if err := t.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("capture: end tcpdump on %s: %w", t.iface, err)
	}
	_ = t.exited() // that it was killed is no news
	return nil
}
