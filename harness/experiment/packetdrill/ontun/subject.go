package ontun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/helper"
	"lastack/harness/lab"
)

// Config says what a Subject is made of. Addresses and Helper are required.
type Config struct {
	Addresses packetdrill.Addresses
	// Name is what the subject is called; empty is what the helper calls itself.
	Name string
	// Helper is the program that makes the system calls, and its arguments, in which {TUN}
	// stands for the interface's name, {FD} for a descriptor that is attached to it, {HOST},
	// {PEER}, {HOST6} and {PEER6} for the addresses, {PREFIX} for the length of the IPv4
	// prefix, and {MTU}. A program with a slash in its name is searched from Dir.
	Helper []string
	// Dir is where the helper runs; empty is the current folder.
	Dir string
	// Kernel: the subject is the namespace's kernel, and the helper uses its sockets.
	// Otherwise the helper has a stack, and attaches to the TUN.
	Kernel bool
}

// Subject is a TCP behind a TUN. It implements packetdrill.Subject.
type Subject struct {
	name    string
	start   time.Time
	ns      *lab.Namespace
	link    *link
	process *process
	asked   string // the call that has not returned; empty for none
	kernel  bool
	// injected is when the latest packet was.
	injected time.Duration
}

var _ packetdrill.Subject = (*Subject)(nil)

// New makes the namespace, the TUN and the helper. It works inside a lab. The error is a
// *StartError if it is the helper's.
func New(ctx context.Context, cfg Config) (*Subject, error) {
	ns, err := lab.NewNamespace()
	if err != nil {
		return nil, err
	}
	s := &Subject{name: cfg.Name, start: time.Now(), ns: ns, kernel: cfg.Kernel, injected: -digest}
	if err := s.raise(ctx, &cfg); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Subject) raise(ctx context.Context, cfg *Config) error {
	var lent *os.File
	var err error
	if s.link, lent, err = openLink(s.ns, &cfg.Addresses, cfg.Kernel, s.start); err != nil {
		return err
	}
	if lent != nil && !cfg.wants("{FD}") {
		if err := lent.Close(); err != nil { // or the program could not attach by name
			return err
		}
		lent = nil
	}
	s.process, err = start(s.ns, cfg, lent)
	if lent != nil {
		err = errors.Join(err, lent.Close())
	}
	if err != nil {
		return err
	}
	name, err := s.process.client.Ready(ctx, patience)
	switch {
	case errors.Is(err, packetdrill.ErrQuiet):
		return &StartError{cfg.Helper[0], fmt.Errorf("it printed no {\"ready\": \"NAME\"} within %v%s", patience, s.process.said.last())}
	case err != nil && ctx.Err() == nil:
		return &StartError{cfg.Helper[0], s.process.blame(err)}
	case err != nil:
		return err
	}
	if s.name == "" {
		s.name = name
	}
	return nil
}

// Name implements packetdrill.Subject.
func (s *Subject) Name() string { return s.name }

// Virtual implements packetdrill.Subject.
func (s *Subject) Virtual() bool { return false }

// Now implements packetdrill.Subject.
func (s *Subject) Now() time.Duration { return time.Since(s.start) }

// Sleep implements packetdrill.Subject.
func (s *Subject) Sleep(ctx context.Context, until time.Duration) error {
	left := until - s.Now()
	if left <= 0 {
		return nil
	}
	over := time.NewTimer(left)
	defer over.Stop()
	select {
	case <-over.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Inject implements packetdrill.Subject.
func (s *Subject) Inject(p []byte) error {
	s.injected = s.Now()
	return s.link.inject(p)
}

// digest is how long a stack may take to read a packet before the next call is made. The
// kernel has dealt with it when the write to its TUN returns; other stacks read when they
// are given time to.
const digest = 2 * time.Millisecond

// Packet implements packetdrill.Subject.
func (s *Subject) Packet(ctx context.Context, until time.Duration) (packetdrill.Packet, error) {
	return s.link.next(ctx, until)
}

// Start implements packetdrill.Subject.
func (s *Subject) Start(c *packetdrill.Call) error { return s.ask(&helper.Request{Call: *c}) }

func (s *Subject) ask(r *helper.Request) error {
	if s.asked != "" {
		return fmt.Errorf("%s: the call of %s has not returned", r.Name, s.asked)
	}
	if !s.kernel {
		if err := s.Sleep(context.Background(), s.injected+digest); err != nil {
			return err
		}
	}
	s.asked = r.Name
	return s.process.send(r)
}

// Result implements packetdrill.Subject.
func (s *Subject) Result(ctx context.Context, until time.Duration) (*packetdrill.Result, error) {
	r, err := s.answer(ctx, until-s.Now())
	if err != nil {
		return nil, err
	}
	return &r.Result, nil
}

func (s *Subject) answer(ctx context.Context, wait time.Duration) (*helper.Response, error) {
	r, at, err := s.process.client.Receive(ctx, max(wait, 0))
	switch {
	case errors.Is(err, packetdrill.ErrQuiet) || err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, s.process.blame(err)
	case r.Errno == helper.Unknown:
		defer func() { s.asked = "" }()
		return nil, fmt.Errorf("the helper has no %s: %w", s.asked, packetdrill.ErrUnsupported)
	}
	s.asked, r.At = "", at.Sub(s.start)
	return r, nil
}

// atOnce asks for something that does not block.
func (s *Subject) atOnce(r *helper.Request) (*helper.Response, error) {
	if err := s.ask(r); err != nil {
		return nil, err
	}
	got, err := s.answer(context.Background(), patience)
	if errors.Is(err, packetdrill.ErrQuiet) {
		return nil, fmt.Errorf("the helper has not answered %s within %v", r.Name, patience)
	}
	return got, err
}

// Sysctl implements packetdrill.Subject.
func (s *Subject) Sysctl(name, value string) error {
	r := &helper.Request{Sysctl: name, Text: value}
	r.Name = "sysctl"
	got, err := s.atOnce(r)
	switch {
	case errors.Is(err, packetdrill.ErrUnsupported):
		return fmt.Errorf("%s: %w", name, packetdrill.ErrNoSysctl)
	case err != nil:
		return err
	case got.Errno == "ENOENT":
		return fmt.Errorf("%s: %w", name, packetdrill.ErrNoSysctl)
	case got.Return < 0:
		return fmt.Errorf("setting %s to %q: %s", name, value, got.Errno)
	}
	return nil
}

// States implements packetdrill.Lister.
func (s *Subject) States() ([]string, error) {
	r := &helper.Request{}
	r.Name = "states"
	got, err := s.atOnce(r)
	switch {
	case err != nil:
		return nil, err
	case got.Return < 0:
		return nil, fmt.Errorf("listing the states of sockets: %s", got.Errno)
	}
	return got.States, nil
}

// Shell implements packetdrill.Sheller.
func (s *Subject) Shell(ctx context.Context, folder, command string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	r := &helper.Request{Text: command, Folder: folder}
	r.Name = "shell"
	if err := s.ask(r); err != nil {
		return err
	}
	got, err := s.answer(ctx, time.Hour) // ctx has the bound
	switch {
	case err != nil:
		return err
	case got.Return < 0:
		return errors.New(got.Text)
	}
	return nil
}

// Close implements packetdrill.Subject.
func (s *Subject) Close() error {
	var err error
	if s.process != nil {
		err = s.process.close()
	}
	if s.link != nil {
		err = errors.Join(err, s.link.close())
	}
	return errors.Join(err, s.ns.Close())
}

func isPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
