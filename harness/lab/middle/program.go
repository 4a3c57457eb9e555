package middle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/wire"

	"golang.org/x/sys/unix"
)

// Config describes a proxy. Command is required.
type Config struct {
	// Command is the proxy's, with its arguments: Validate and Fill say what may stand in
	// them.
	Command []string
	// Ready is how long the command may take until something listens at ListenAt. 0
	// means DefaultReady.
	Ready time.Duration
}

// DefaultReady is how long a proxy may take until it listens.
const DefaultReady = 10 * time.Second

// Program is the proxy's command, running. Who starts it stops it.
type Program struct {
	path *wire.Path
	cmd  *lab.Cmd
	kill context.CancelFunc
	name string
	said *tail
	// output is where the command prints to, and reader what reads it.
	output *os.File
	reader sync.WaitGroup
	over   chan struct{} // closed when it has ended, as err says
	err    error
}

// Start starts the command in the middle and waits until something listens. On an error
// nothing of it is left. A command that cannot be run is a *lab.MissingError.
func Start(ctx context.Context, path *wire.Path, c Config) (_ *Program, err error) {
	args, env := Fill(c.Command)
	ctx, kill := context.WithCancel(ctx)
	p := &Program{path: path, kill: kill, name: args[0], said: &tail{}, over: make(chan struct{})}
	p.cmd = lab.Command(ctx, args[0], args[1:]...)
	p.cmd.Env = append(p.cmd.Environ(), env...)
	if err := p.launch(); err != nil {
		kill()
		return nil, fmt.Errorf("starting the proxy: %w", startError(err))
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.over)
	}()
	if c.Ready == 0 {
		c.Ready = DefaultReady
	}
	if err := p.ready(ctx, c.Ready); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// Name is the program's.
func (p *Program) Name() string { return p.name }

// Said is the end of what the command printed, in one line, fit for a terminal.
func (p *Program) Said() string { return p.said.String() }

// launch starts the command, and listens to what it and its children print. A pipe of our
// own does not let Wait wait for children that keep it open.
func (p *Program) launch() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	err = errors.Join(p.path.Middle.Do(p.cmd.Start), w.Close())
	if err != nil {
		return errors.Join(err, r.Close())
	}
	p.output = r
	p.reader.Go(func() { _, _ = io.Copy(p.said, r) }) // until all have closed it, or Stop does
	return nil
}

// startError makes a MissingError of a command that cannot be run.
func startError(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOEXEC) {
		var missing *lab.MissingError
		if !errors.As(err, &missing) {
			return &lab.MissingError{What: "the proxy's command cannot be run", Mend: "give a program that is installed and executable", Err: err}
		}
	}
	return err
}

// ready waits until something listens where clients connect to.
func (p *Program) ready(ctx context.Context, patience time.Duration) error {
	listening := false
	poll(ctx, patience, func() bool {
		listening = p.Listens()
		return listening || p.failed()
	})
	switch {
	case listening:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case p.failed():
		p.Hear()
		return fmt.Errorf("the proxy ended before it listened at %s: %w", ListenAt, p.Death())
	}
	where := "nothing listens there"
	if at, err := listeners(p.path); err == nil && len(at) > 0 {
		where = "it listens at " + strings.Trim(fmt.Sprint(at), "[]") + " instead"
	}
	return fmt.Errorf("the proxy is not ready at %s within %v: %s; its output: %s", ListenAt, patience, where, p.said)
}

// Listens reports whether something listens where clients connect to.
func (p *Program) Listens() bool {
	at, err := listeners(p.path)
	return err == nil && slices.ContainsFunc(at, func(l netip.AddrPort) bool {
		return l == ListenAt || l.Addr().IsUnspecified() && l.Port() == ListenAt.Port()
	})
}

// Ended reports whether the command has ended.
func (p *Program) Ended() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// failed reports whether the command has ended. One that ended well may have left a
// process that serves.
func (p *Program) failed() bool { return p.Ended() && p.err != nil }

// Hear waits for what the command printed last, unless its children go on
// printing. It is for a command that has ended.
func (p *Program) Hear() {
	heard := make(chan struct{})
	go func() {
		p.reader.Wait()
		close(heard)
	}()
	select {
	case <-heard:
	case <-time.After(lull):
	}
}

// Death says why the command ended, and what it printed.
func (p *Program) Death() error {
	err := p.err
	if err == nil {
		err = errors.New("exit status 0")
	}
	return fmt.Errorf("%w; its output: %s", err, p.said)
}

// Terminate asks the proxy to end, and reports whether it did within some time. Where the
// command has left that to a process in the background, that one is asked.
func (p *Program) Terminate(ctx context.Context, within time.Duration) bool {
	if !p.Ended() {
		_ = p.cmd.Process.Signal(unix.SIGTERM) // it may just have ended
		return poll(ctx, within, p.Ended)
	}
	signalAll(p.path, unix.SIGTERM)
	return poll(ctx, within, func() bool { return !p.Listens() })
}

// Stop kills the command, its process group, and whatever else it left in the middle.
func (p *Program) Stop() {
	p.kill()
	<-p.over
	_ = unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL) // it may be gone
	signalAll(p.path, unix.SIGKILL)
	_ = p.output.Close()
	p.reader.Wait()
}
