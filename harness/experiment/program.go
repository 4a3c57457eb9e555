package experiment

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"lastack/harness/lab"

	"golang.org/x/sys/unix"
)

// program is a server that is no app of ours.
type program struct {
	listens chan struct{} // closed at the first line
	over    chan struct{} // closed when there is nothing more to read

	mu    sync.Mutex
	lines []string
}

// said is what the program has printed so far, but for the line that says that it
// listens.
func (p *program) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines[min(1, len(p.lines)):], "\n")
}

// read takes what the program prints, until it closes its output.
func (p *program) read(r io.Reader) {
	defer close(p.over)
	for s := bufio.NewScanner(r); s.Scan(); {
		p.mu.Lock()
		p.lines = append(p.lines, s.Text())
		first := len(p.lines) == 1
		p.mu.Unlock()
		if first {
			close(p.listens)
		}
	}
}

// fill puts the server's address into a command's arguments.
func (g *ground) fill(command []string) (args []string) {
	r := strings.NewReplacer("{HOST}", g.to.Addr().String(), "{PORT}", strconv.Itoa(port))
	for _, arg := range command {
		args = append(args, r.Replace(arg))
	}
	return args
}

// serveProgram starts the server's program and waits until it listens. It ends
// with ctx.
func (g *ground) serveProgram(ctx context.Context, command []string) error {
	args := g.fill(command)
	p := &program{listens: make(chan struct{}), over: make(chan struct{})}
	cmd := lab.Command(ctx, args[0], args[1:]...)
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := g.server.namespace().Do(cmd.Start); err != nil {
		return err
	}
	go p.read(out)
	g.program = p
	g.apps.Go(func() {
		err := cmd.Wait()
		if ctx.Err() == nil && err != nil {
			g.failed = fmt.Errorf("the server, %s: %w: %s", args[0], err, p.said())
		}
		_ = in.Close() // ends read
	})
	select {
	case <-p.listens:
		return nil
	case <-p.over:
		return fmt.Errorf("the server, %s, ended without a line to say that it listens", args[0])
	case <-time.After(clientPatience):
		return fmt.Errorf("the server, %s, printed no line to say that it listens within %v", args[0], clientPatience)
	}
}

// rest waits while nobody does anything, and measures the processor time that
// this program takes all the same.
func (a *attempt) rest(ctx context.Context) (time.Duration, error) {
	r := &a.exp.Expect.Rest
	if r.MS == 0 {
		return 0, nil
	}
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
