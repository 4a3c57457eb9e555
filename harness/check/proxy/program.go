package proxy

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
	"lastack/harness/term"

	"golang.org/x/sys/unix"
)

// program is the proxy's command, running.
type program struct {
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

// start starts the command in the middle and waits until something listens. On an error
// nothing of it is left.
func (c *Config) start(ctx context.Context, path *wire.Path) (_ *program, err error) {
	args, env := c.fill()
	ctx, kill := context.WithCancel(ctx)
	p := &program{kill: kill, name: args[0], said: &tail{}, over: make(chan struct{})}
	p.cmd = lab.Command(ctx, args[0], args[1:]...)
	p.cmd.Env = append(p.cmd.Environ(), env...)
	if err := p.launch(path); err != nil {
		kill()
		return nil, fmt.Errorf("starting the proxy: %w", startError(err))
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.over)
	}()
	if err := p.ready(ctx, path, c.Ready); err != nil {
		p.stop(path)
		return nil, err
	}
	return p, nil
}

// launch starts the command, and listens to what it and its children print. A pipe of our
// own does not let Wait wait for children that keep it open.
func (p *program) launch(path *wire.Path) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	err = errors.Join(path.Middle.Do(p.cmd.Start), w.Close())
	if err != nil {
		return errors.Join(err, r.Close())
	}
	p.output = r
	p.reader.Go(func() { _, _ = io.Copy(p.said, r) }) // until all have closed it, or stop does
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
func (p *program) ready(ctx context.Context, path *wire.Path, patience time.Duration) error {
	listening := false
	poll(ctx, patience, func() bool {
		listening = p.listens(path)
		return listening || p.failed()
	})
	switch {
	case listening:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case p.failed():
		p.hear()
		return fmt.Errorf("the proxy ended before it listened at %s: %w", listenAt, p.death())
	}
	where := "nothing listens there"
	if at, err := listeners(path); err == nil && len(at) > 0 {
		where = "it listens at " + strings.Trim(fmt.Sprint(at), "[]") + " instead"
	}
	return fmt.Errorf("the proxy is not ready at %s within %v: %s; its output: %s", listenAt, patience, where, p.said)
}

// listens reports whether something listens where clients connect to.
func (p *program) listens(path *wire.Path) bool {
	at, err := listeners(path)
	return err == nil && slices.ContainsFunc(at, func(l netip.AddrPort) bool {
		return l == listenAt || l.Addr().IsUnspecified() && l.Port() == listenAt.Port()
	})
}

// ended reports whether the command has ended.
func (p *program) ended() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// failed reports whether the command has ended. One that ended well may have left a
// process that serves.
func (p *program) failed() bool { return p.ended() && p.err != nil }

// hear waits for what the command printed last, unless its children go on printing.
func (p *program) hear() {
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

// death says why the command ended, and what it printed.
func (p *program) death() error {
	err := p.err
	if err == nil {
		err = errors.New("exit status 0")
	}
	return fmt.Errorf("%w; its output: %s", err, p.said)
}

// terminate asks the proxy to end, and reports whether it did within some time. Where the
// command has left that to a process in the background, that one is asked.
func (p *program) terminate(ctx context.Context, path *wire.Path, within time.Duration) bool {
	if !p.ended() {
		_ = p.cmd.Process.Signal(unix.SIGTERM) // it may just have ended
		return poll(ctx, within, p.ended)
	}
	signalAll(path, unix.SIGTERM)
	return poll(ctx, within, func() bool { return !p.listens(path) })
}

// stop kills the command, its process group, and whatever else it left in the middle.
func (p *program) stop(path *wire.Path) {
	p.kill()
	<-p.over
	_ = unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL) // it may be gone
	signalAll(path, unix.SIGKILL)
	_ = p.output.Close()
	p.reader.Wait()
}

// tail keeps the end of what a program prints.
type tail struct {
	mu   sync.Mutex
	text []byte
	lost bool
}

// maxSaid is how much is kept of what the proxy prints.
const maxSaid = 2 << 10

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(b)
	if len(b) > maxSaid {
		b, t.lost = b[len(b)-maxSaid:], true
	}
	if over := len(t.text) + len(b) - maxSaid; over > 0 {
		t.text, t.lost = t.text[:copy(t.text, t.text[over:])], true
	}
	t.text = append(t.text, b...)
	return n, nil
}

// String is the output in one line, fit for a terminal.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := strings.TrimSpace(string(t.text))
	if s == "" {
		return "none"
	}
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, term.Escape(strings.TrimSpace(line)))
	}
	s = strings.Join(lines, " | ")
	if t.lost {
		s = "... " + s
	}
	return s
}
