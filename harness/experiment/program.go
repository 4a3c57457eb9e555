package experiment

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"lastack/harness/lab"

	"golang.org/x/sys/unix"
)

// program is a server that is no app of ours.
type program struct {
	name    string
	listens chan struct{} // closed at the first line
	over    chan struct{} // closed when the program has ended, as err says
	err     error

	mu   sync.Mutex
	text strings.Builder
}

// said is what the program has printed so far, errors included, but for the line
// that says that it listens.
func (p *program) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.TrimSpace(p.text.String())
}

// Write takes what the program has to say.
func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

// read takes what the program prints, until it closes its output.
func (p *program) read(r io.Reader) {
	lines := bufio.NewReader(r)
	if _, err := lines.ReadString('\n'); err == nil {
		close(p.listens)
		_, _ = io.Copy(p, lines)
	}
}

// failed is why the program has ended before it listened.
func (p *program) failed() error {
	const notFound = 127 // what a shell exits with
	var exit *exec.ExitError
	if errors.As(p.err, &exit) && exit.ExitCode() == notFound {
		return &lab.MissingError{What: "a program that the server needs is not installed: " + p.said(), Mend: "install it, or put it on the PATH"}
	}
	return fmt.Errorf("the server, %s, ended before it printed a line to say that it listens: %w: %s", p.name, p.err, p.said())
}

// fill puts the server's address into a command's arguments.
func (g *ground) fill(command []string) (args []string) { return fill(command, g.to) }

// Invocation is the client's command with the address of the server, the subject; nil
// if the client is no command.
func (e *Experiment) Invocation() []string {
	return fill(e.Client.Command, netip.AddrPortFrom(farAddr, uint16(e.Server.Port)))
}

func fill(command []string, to netip.AddrPort) (args []string) {
	r := strings.NewReplacer("{HOST}", to.Addr().String(), "{PORT}", strconv.Itoa(int(to.Port())))
	for _, arg := range command {
		args = append(args, r.Replace(arg))
	}
	return args
}

// serveProgram starts the server's program and waits until it listens. It ends
// with the wire.
func (g *ground) serveProgram(command []string) error {
	args := g.fill(command)
	p := &program{name: args[0], listens: make(chan struct{}), over: make(chan struct{}), err: errors.New("exit status 0")}
	cmd := lab.Command(g.Context(), args[0], args[1:]...)
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, p
	if err := g.server.Do(cmd.Start); err != nil {
		return err
	}
	go p.read(out)
	g.program = p
	g.Go(func() error {
		if err := cmd.Wait(); err != nil {
			p.err = err
		}
		close(p.over)
		return in.Close() // ends read
	})
	select {
	case <-p.listens:
		return nil
	case <-p.over:
		return p.failed()
	case <-time.After(clientTimeout):
		return fmt.Errorf("the server, %s, printed no line to say that it listens within %v", args[0], clientTimeout)
	}
}

// rest waits while nobody does anything, and measures the processor time that
// this program takes all the same.
func (a *attempt) rest(ctx context.Context) (time.Duration, error) {
	r := &a.exp.Expect.Rest
	if r.MS == 0 {
		return 0, nil
	}
	// The clock that ticks all the time would be most of what is measured.
	a.seen.late = a.clock.Stop()
	defer func() { a.clock = lab.StartLate(ctx) }()
	before, err := processorTime()
	if err != nil {
		return 0, err
	}
	if err := pause(ctx, time.Duration(r.MS)*time.Millisecond); err != nil {
		return 0, err
	}
	after, err := processorTime()
	return after - before, err
}

// processorTime is what this process has used so far, on its own behalf and in
// the kernel.
func processorTime() (time.Duration, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0, errors.Join(errors.New("measuring processor time"), err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
