package ontun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"lastack/harness/experiment/packetdrill/helper"
	"lastack/harness/lab"
)

// process is a helper under way.
type process struct {
	client *helper.Client
	cmd    *lab.Cmd
	kill   context.CancelFunc
	in     *os.File // its standard input
	out    *os.File // its standard output
	said   tail
	ended  chan struct{} // closed when the process is gone
	err    error         // what Wait said; after that
}

// patience is how long a helper may take to be ready, and to read a request.
var patience = 10 * time.Second

const (
	// farewell is how long it may take to end once its standard input has.
	farewell = time.Second
	// inherited is the number of the first descriptor behind standard error.
	inherited = 3
)

// start starts a helper in the namespace. lent, if not nil, is inherited.
func start(ns *lab.Namespace, cfg *Config, lent *os.File) (p *process, err error) {
	ctx, kill := context.WithCancel(context.Background())
	p = &process{kill: kill, ended: make(chan struct{})}
	args := cfg.fill()
	if strings.Contains(args[0], "/") && !filepath.IsAbs(args[0]) {
		if args[0], err = filepath.Abs(filepath.Join(cfg.Dir, args[0])); err != nil {
			kill()
			return nil, err
		}
	}
	p.cmd = lab.Command(ctx, args[0], args[1:]...)
	p.cmd.Dir, p.cmd.Stderr = cfg.Dir, &p.said
	if lent != nil {
		p.cmd.ExtraFiles = []*os.File{lent}
	}
	theirIn, ourIn, err := os.Pipe()
	if err != nil {
		kill()
		return nil, err
	}
	ourOut, theirOut, err := os.Pipe()
	if err != nil {
		kill()
		return nil, errors.Join(err, theirIn.Close(), ourIn.Close())
	}
	p.in, p.out, p.cmd.Stdin, p.cmd.Stdout = ourIn, ourOut, theirIn, theirOut
	err = ns.Do(p.cmd.Start)
	_ = errors.Join(theirIn.Close(), theirOut.Close())
	if err != nil {
		kill()
		var missing *lab.MissingError
		if errors.As(err, &missing) && missing.Err != nil {
			err = missing.Err // no package is known that has it
		}
		return nil, errors.Join(&StartError{cfg.Helper[0], fmt.Errorf("%w; build or install it, or correct the command", err)}, ourIn.Close(), ourOut.Close())
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	p.client = helper.NewClient(p.out, p.in)
	return p, nil
}

// StartError says that a helper could not be started, ended at once, or was not ready in time.
type StartError struct {
	Command string
	Err     error
}

func (e *StartError) Error() string {
	return fmt.Sprintf("the helper %q did not start: %v", e.Command, e.Err)
}

func (e *StartError) Unwrap() error { return e.Err }

// fill puts what the subject is like into the command.
func (c *Config) fill() (args []string) {
	a := &c.Addresses
	r := strings.NewReplacer("{TUN}", Device, "{FD}", strconv.Itoa(inherited), "{HOST}", a.Local4.String(), "{PEER}", a.Remote4.String(),
		"{HOST6}", a.Local6.String(), "{PEER6}", a.Remote6.String(), "{PREFIX}", "16", "{MTU}", strconv.Itoa(a.MTU))
	for _, arg := range c.Helper {
		args = append(args, r.Replace(arg))
	}
	return args
}

// wants reports whether the command has a placeholder in it.
func (c *Config) wants(placeholder string) bool {
	for _, arg := range c.Helper {
		if strings.Contains(arg, placeholder) {
			return true
		}
	}
	return false
}

// send asks the helper for something. One that reads nothing is no reason to wait for ever.
func (p *process) send(r *helper.Request) error {
	if err := p.in.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := p.client.Send(r); err != nil {
		return p.blame(err)
	}
	return nil
}

// blame says how the helper ended, if that is what an error comes from.
func (p *process) blame(err error) error {
	if errors.Is(err, helper.ErrEnded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) || isPipe(err) {
		select {
		case <-p.ended:
		case <-time.After(farewell):
			return fmt.Errorf("the helper is stuck: %w%s", err, p.said.last())
		}
		var exit *exec.ExitError
		how := "exit status 0"
		switch {
		case errors.As(p.err, &exit):
			how = exit.ProcessState.String()
		case p.err != nil:
			how = p.err.Error()
		}
		return fmt.Errorf("the helper has ended: %s%s", how, p.said.last())
	}
	return fmt.Errorf("the helper: %w%s", err, p.said.last())
}

// close ends the helper: by the end of its input, or else at once.
func (p *process) close() error {
	err := p.in.Close()
	select {
	case <-p.ended:
	case <-time.After(farewell):
	}
	p.kill()
	<-p.ended
	return errors.Join(err, p.out.Close())
}

// tail keeps the last that a helper wrote to its standard error.
type tail struct {
	mu   sync.Mutex
	text string
}

// mostTail is how much is kept, in bytes.
const mostTail = 1 << 10

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text += string(b[max(len(b)-mostTail, 0):])
	t.text = t.text[max(len(t.text)-mostTail, 0):]
	return len(b), nil
}

// last is what is kept, in words; it is the program's, and quoted.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(t.text)
	if text == "" {
		return ""
	}
	return fmt.Sprintf("; it printed last: %q", text)
}
