package programs

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lastack/harness/lab"
	"lastack/harness/term"
)

//go:embed src
var sources embed.FS

// Bounds of what a program may do before it is given up.
const (
	patience  = 30 * time.Second // for an answer, a slow machine's first start of Java included
	longest   = 4096             // bytes of a line
	mostLines = 20               // before it is ready
	mostError = 2000             // bytes of what it says on standard error
)

// process is a program that answers each line with a line.
type process struct {
	name string
	cmd  *lab.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	said beginning
	dir  string
	stop context.CancelFunc
	once sync.Once // for the program's end
	// first are the lines that it printed before it was ready.
	first []string

	mu sync.Mutex // held from a question to its answer
}

// doer runs a function in a network namespace.
type doer interface{ Do(func() error) error }

// start runs a source of ours with its interpreter, in a namespace, and waits until it is ready.
func start(ctx context.Context, in doer, source string, command ...string) (_ *process, err error) {
	p := &process{name: source}
	ctx, p.stop = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.dir, err = os.MkdirTemp("", "lastack-program-"); err != nil {
		return nil, err
	}
	text, err := sources.ReadFile("src/" + source)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(p.dir, source)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	args := append([]string{}, command[1:]...)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "{SOURCE}", path)
	}
	p.cmd = lab.Command(ctx, command[0], args...)
	if err := p.run(in); err != nil {
		p.cmd = nil
		return nil, err
	}
	for range mostLines {
		line, err := p.line(ctx)
		if err != nil {
			return nil, err
		}
		if line == "ready" {
			return p, nil
		}
		p.first = append(p.first, line)
	}
	return nil, fmt.Errorf("%s printed %d lines and was not ready", source, mostLines)
}

func (p *process) run(in doer) error {
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.in, p.out, p.cmd.Stderr = stdin, bufio.NewScanner(stdout), &p.said
	p.out.Buffer(nil, longest)
	return in.Do(p.cmd.Start)
}

// ask writes a line and returns the one that answers it.
func (p *process) ask(ctx context.Context, format string, args ...any) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	question := fmt.Sprintf(format, args...)
	if _, err := fmt.Fprintln(p.in, question); err != nil {
		return "", fmt.Errorf("%s ended before %q: %w: %s", p.name, question, err, p.said.String())
	}
	answer, err := p.line(ctx)
	if err != nil {
		return "", fmt.Errorf("%q: %w", question, err)
	}
	return answer, nil
}

// line is the next that the program prints. A program that prints none in time is
// killed, which ends the reading.
func (p *process) line(ctx context.Context) (string, error) {
	late := time.AfterFunc(patience, p.stop)
	defer late.Stop()
	if p.out.Scan() {
		return p.out.Text(), nil
	}
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s printed nothing before it was ended: %w", p.name, context.Cause(ctx))
	}
	err := p.out.Err()
	if err == nil {
		err = io.EOF
	}
	p.end() // then it has said all
	return "", fmt.Errorf("%s printed no answer: %w: %s", p.name, err, p.said.String())
}

// end kills the program, if it is still there, and waits for it.
func (p *process) end() {
	p.stop()
	if p.cmd != nil {
		p.once.Do(func() { _ = p.cmd.Wait() }) // it was killed
	}
}

// close ends the program and removes its source.
func (p *process) close() error {
	p.end()
	if p.dir == "" {
		return nil
	}
	if err := os.RemoveAll(p.dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// beginning keeps the first bytes of what is written to it, for errors.
type beginning struct {
	mu   sync.Mutex
	text []byte
}

func (t *beginning) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b[:min(len(b), mostError-len(t.text))]...)
	return len(b), nil
}

func (t *beginning) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return term.Quote(strings.TrimSpace(string(t.text)))
}
