package demo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"time"

	"lastack/harness/lab"
	"lastack/harness/teardown"
	"lastack/stack/segment"

	"golang.org/x/sys/unix"
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
	Subject  string `json:"subject"`
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
	// Done is called after each close.
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
	defer func() { err = errors.Join(err, g.raze()) }()
	noTcpdump, err := whyNoTcpdump(ctx, tunName)
	if err != nil {
		return nil, err
	}
	obs.Begin(noTcpdump)
	for i := range all {
		r := all[i].announce()
		obs.Start(r)
		if err := g.run(ctx, &all[i], r, noTcpdump); err != nil {
			return results, fmt.Errorf("(%s) %s: %w", r.Experiment, r.Title, err)
		}
		obs.Done(r)
		results = append(results, *r)
	}
	return results, nil
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
	}
	if s.onKernel {
		r.Subject = "kernel"
	}
	return r
}

// patience bounds one scenario; it takes a second.
const patience = 15 * time.Second

// run carries out one scenario and fills in its result.
func (g *ground) run(ctx context.Context, s *scenario, r *Result, noTcpdump string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := g.setTunables(s); err != nil {
		return err
	}
	iface := tunName
	if s.onKernel {
		iface = vethName
	}
	w, err := watch(ctx, iface, noTcpdump)
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
	return g.host.Tunables().Set("lastack.delayed_ack", value)
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
	conn, ours, err := g.follow(ctx, s)
	if err != nil {
		return err
	}
	client, server := conn.Client(), conn.Server()
	if r.ClientState, err = lab.WaitState(ctx, client, server, "TIME_WAIT"); err != nil {
		return err
	}
	tuple := segment.Tuple{Src: segment.EndpointFrom(server), Dst: segment.EndpointFrom(client)}
	if err := waitUntil(ctx, func() bool {
		r.ServerState = g.host.State(tuple)
		return r.ServerState == "CLOSED"
	}); err != nil {
		return fmt.Errorf("lastack's connection is still %s: %w", r.ServerState, err)
	}
	packets, err := w.finish(ctx)
	if err != nil {
		return err
	}
	_, theirs := reassemble(records(packets, tuple))
	d := teardown.Compare(ours, theirs)
	r.Compared = &d
	r.settle(s, conn)
	return nil
}

// follow waits until the host's trace shows the whole connection.
func (g *ground) follow(ctx context.Context, s *scenario) (*teardown.Conn, []teardown.Record, error) {
	table := teardown.NewTable(teardown.Config{Keep: -1})
	var recs []teardown.Record
	var conn *teardown.Conn
	for conn == nil || !conn.Done() {
		select {
		case <-g.rec.Ready():
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("the connection to port %d did not end: %w", s.port, context.Cause(ctx))
		}
		for _, item := range g.rec.Take() {
			if item.Seg.Src.Port != s.port && item.Seg.Dst.Port != s.port {
				continue
			}
			rec := item.Record()
			conn = table.Add(&rec)
			recs = append(recs, rec)
		}
	}
	return conn, recs, nil
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
		client, err = timeWaitTo(server)
		return err == nil
	}); err != nil {
		return fmt.Errorf("no client socket of %s is in TIME_WAIT: %w", server, err)
	}
	r.ClientState = "TIME_WAIT"
	err := g.there.Do(func() (err error) {
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

// timeWaitTo finds the client end of the only connection to server.
func timeWaitTo(server netip.AddrPort) (netip.AddrPort, error) {
	socks, err := lab.Sockets(familyOf(server.Addr()))
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, k := range socks {
		if k.Remote == server && k.State == "TIME_WAIT" {
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

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
