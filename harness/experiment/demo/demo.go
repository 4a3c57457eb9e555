package demo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/wire"
	"lastack/harness/teardown"
	"lastack/stack/segment"
)

// Verdicts of a Result.
const (
	Pass = "pass"
	Fail = "fail"
)

// Result is one close, as it was brought about, seen and judged.
type Result struct {
	Experiment string `json:"experiment"`
	Title      string `json:"title"`
	// Subject is "lastack" or "kernel": whose server it was.
	Subject string `json:"subject"`
	// Attempt counts from 1; only the last one of a scenario is a result.
	Attempt  int    `json:"attempt"`
	Settings string `json:"settings"`
	Command  string `json:"command"`
	Verdict  string `json:"verdict"`
	// Why says what was not as expected; empty in a pass.
	Why      string          `json:"why,omitempty"`
	Expected teardown.Kind   `json:"expected"`
	Close    teardown.Kind   `json:"close"`
	Report   teardown.Report `json:"report"`
	// ClientState and ServerState are what the sockets' owners said after the
	// close: the kernel by inet_diag, lastack by its own netstack.
	ClientState string `json:"client_state"`
	ServerState string `json:"server_state"`
	// Witness is who captured the packets; Compared holds lastack's own trace
	// against it. The kernel as a subject has no trace of its own.
	Witness  string         `json:"witness"`
	Compared *teardown.Diff `json:"compared,omitempty"`
}

// Observer is told how the demo goes on, from one goroutine.
type Observer interface {
	// Begin is called before the first close. noTcpdump says why the packet
	// socket is the witness; empty if tcpdump is.
	Begin(noTcpdump string)
	// Start is called before each close with what is about to happen.
	Start(r *Result)
	// Done is called after each close. One that failed may be tried again,
	// from Start.
	Done(r *Result)
}

// Run brings the demo's closes about, one after the other. An error means that
// it could not be carried through; a close that is not as expected is no error,
// but a Result with the verdict Fail.
func Run(ctx context.Context, obs Observer) (results []Result, err error) {
	all := scenarios()
	g, err := raise(ctx, all)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	noTcpdump, err := whyNoTcpdump(ctx, tunName)
	if err != nil {
		return nil, err
	}
	obs.Begin(noTcpdump)
	for i := range all {
		r := all[i].announce()
		for ; ; r.Attempt++ {
			obs.Start(r)
			if err := g.run(ctx, &all[i], r, noTcpdump); err != nil {
				return results, fmt.Errorf("(%s) %s: %w", r.Experiment, r.Title, err)
			}
			obs.Done(r)
			if !r.tryAgain() {
				break
			}
		}
		results = append(results, *r)
	}
	return results, nil
}

// maxAttempts is how often a close is brought about before its failure counts.
const maxAttempts = 3

// tryAgain reports whether a failure may be the machine's. What is expected of a
// close holds for an application that closes within the delayed ACK's 40 ms, and
// for a peer that need not send its FIN twice; on a machine that is busy with
// something else both may be late. No delay excuses a trace that differs from
// the capture.
func (r *Result) tryAgain() bool {
	traced := r.Compared == nil || r.Compared.Same
	return r.Verdict == Fail && traced && r.Attempt < maxAttempts
}

// address is the server's, without port.
func (s *scenario) address() netip.Addr {
	if s.onKernel {
		return kernelAddr
	}
	return hostAddr
}

func (s *scenario) announce() *Result {
	r := &Result{
		Experiment: s.key, Title: s.title, Subject: "lastack", Settings: s.settings(),
		Command: s.command(s.address().String()), Expected: s.want,
		Attempt: 1,
	}
	if s.onKernel {
		r.Subject = "kernel"
	}
	return r
}

// closeTimeout bounds one scenario; it takes a second.
const closeTimeout = 15 * time.Second

// run carries out one scenario and fills in its result.
func (g *ground) run(ctx context.Context, s *scenario, r *Result, noTcpdump string) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	if err := g.setTunables(s); err != nil {
		return err
	}
	w, err := watch(ctx, g.of(s).Config.Link, noTcpdump)
	if err != nil {
		return err
	}
	defer w.abandon()
	r.Witness = w.name
	g.rec.Take() // what the scenario before left
	if err := runClient(ctx, s); err != nil {
		return err
	}
	if s.onKernel {
		return g.judgeKernel(ctx, s, r, w)
	}
	return g.judgeLastack(ctx, s, r, w)
}

func (g *ground) setTunables(s *scenario) error {
	if s.onKernel {
		return nil
	}
	value := "0"
	if s.delayedACK {
		value = "1"
	}
	return g.lastack.Host.Tunables().Set("lastack.delayed_ack", value)
}

// runClient runs the kernel's client to its end.
func runClient(ctx context.Context, s *scenario) error {
	args := s.client(s.address().String())
	if args[0] == "nc" {
		path, err := lab.Netcat()
		if err != nil {
			return err
		}
		args[0] = path
	}
	cmd := lab.Command(ctx, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(s.stdin)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%s ended with %w: %s", s.command(s.address().String()), err, strings.TrimSpace(string(out)))
	}
	return err
}

// judgeLastack takes the host's own trace, draws the report from it, and holds
// it against the witness.
func (g *ground) judgeLastack(ctx context.Context, s *scenario, r *Result, w *witness) error {
	own := newOwnTrace(g.rec, s.port)
	if err := own.followToEnd(ctx); err != nil {
		return err
	}
	client, server := own.conn.Client(), own.conn.Server()
	// A late RST may have ended TIME_WAIT: that is a verdict's business.
	var err error
	if r.ClientState, err = lab.WaitState(ctx, client, server, "TIME_WAIT", "CLOSED"); err != nil {
		return err
	}
	tuple := segment.Tuple{Src: segment.EndpointFrom(server), Dst: segment.EndpointFrom(client)}
	if err := waitUntil(ctx, func() bool {
		r.ServerState = g.lastack.Host.State(tuple)
		return r.ServerState == "CLOSED"
	}); err != nil {
		return fmt.Errorf("lastack's connection is still %s: %w", r.ServerState, err)
	}
	packets, err := w.finish(ctx)
	if err != nil {
		return err
	}
	_, theirs := reassemble(records(packets, tuple))
	d := own.compare(ctx, theirs)
	r.Compared = &d
	r.settle(s, own.conn)
	return nil
}

// reassemble runs records of one connection through a table, which fills in
// what each segment meant.
func reassemble(recs []teardown.Record) (*teardown.Conn, []teardown.Record) {
	table := teardown.NewTable(teardown.Config{Keep: -1})
	var conn *teardown.Conn
	for i := range recs {
		conn = table.Add(&recs[i])
	}
	return conn, recs
}

// judgeKernel has only the witness to go by, and the states of both kernels.
func (g *ground) judgeKernel(ctx context.Context, s *scenario, r *Result, w *witness) error {
	var client netip.AddrPort
	server := netip.AddrPortFrom(kernelAddr, s.port)
	if err := waitUntil(ctx, func() bool {
		var err error
		client, err = g.newTimeWaitTo(server)
		return err == nil
	}); err != nil {
		return fmt.Errorf("no client socket of %s is in TIME_WAIT: %w", server, err)
	}
	g.known = append(g.known, client)
	r.ClientState = "TIME_WAIT"
	err := g.kernel.Far.(wire.Side).Do(func() (err error) {
		r.ServerState, err = lab.WaitState(ctx, server, client, "CLOSED")
		return err
	})
	if err != nil {
		return err
	}
	packets, err := w.finish(ctx)
	if err != nil {
		return err
	}
	conn, _ := reassemble(records(packets, segment.Tuple{
		Src: segment.EndpointFrom(client), Dst: segment.EndpointFrom(server),
	}))
	if conn == nil {
		return fmt.Errorf("%s saw no segment of %s to %s", w.name, client, server)
	}
	r.settle(s, conn)
	return nil
}

// newTimeWaitTo finds the client end of the only connection to server that was
// not known before.
func (g *ground) newTimeWaitTo(server netip.AddrPort) (netip.AddrPort, error) {
	socks, err := g.kernel.Near.Sockets()
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, k := range socks {
		if k.Remote == server && k.State == "TIME_WAIT" && !slices.Contains(g.known, k.Local) {
			return k.Local, nil
		}
	}
	return netip.AddrPort{}, lab.ErrNoSocket
}

// settle fills in the verdict.
func (r *Result) settle(s *scenario, conn *teardown.Conn) {
	r.Report = conn.Report()
	r.Close = r.Report.Close
	r.Why = s.judge(&r.Report)
	if r.Why == "" && r.ClientState != "TIME_WAIT" {
		r.Why = fmt.Sprintf("the client's socket is %s, expected TIME_WAIT", r.ClientState)
	}
	if r.Why == "" && r.Compared != nil && !r.Compared.Same {
		r.Why = fmt.Sprintf("lastack's trace and %s's differ: %s", r.Witness, r.Compared.First)
	}
	r.Verdict = Pass
	if r.Why != "" {
		r.Verdict = Fail
	}
}

// waitUntil looks every few milliseconds.
func waitUntil(ctx context.Context, done func() bool) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
