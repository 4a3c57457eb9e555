package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"lastack/harness/lab"
	"lastack/tun"

	"github.com/vishvananda/netlink"
)

// Program is a program with a TCP stack of its own as a subject: it serves on a TUN or
// a TAP that the wire makes for it. Raise returns a *Process, which is up when the
// program says so and not before.
type Program struct {
	// Command is the program and its arguments, in which {TUN} stands for the
	// interface's name, {FD} for a descriptor that is attached to it, {HOST} for the
	// address that the program is to have, {PEER} for that of the near end, {PREFIX} for
	// the length of the prefix that both are in, and {MTU} for the interface's MTU. A
	// program with a slash in its name is searched from Dir.
	Command []string
	// Dir is where the program runs; empty is the current folder.
	Dir string
	// TAP hands over Ethernet frames in place of IP packets.
	TAP bool
	// Says is what the program prints once it is ready; Process.Said tells. Empty
	// waits for nothing.
	Says string
}

// StartError says that a program could not be started.
type StartError struct {
	Command string
	Err     error
}

// Error names the program and what the kernel said.
func (e *StartError) Error() string {
	return fmt.Sprintf("could not be started by %s: %v; build or install it, or correct the command", e.Command, e.Err)
}

// Unwrap gives what the kernel said.
func (e *StartError) Unwrap() error { return e.Err }

// inherited is the number of the first descriptor behind standard error.
const inherited = 3

// Raise implements Subject. The program ends with the wire.
func (p Program) Raise(w *Wire) (Server, error) {
	lent, name, ns, err := p.lend(w)
	if err != nil {
		return nil, err
	}
	// The program has its own by the time that this returns, or asks for one by name.
	defer lent.Close()
	s := &Process{at: w.Config.FarAddr, ns: ns, link: name, over: make(chan struct{}), out: output{want: p.Says, said: make(chan struct{})}}
	args := p.fill(w, name)
	if strings.Contains(args[0], "/") && !filepath.IsAbs(args[0]) {
		if args[0], err = filepath.Abs(filepath.Join(p.Dir, args[0])); err != nil {
			return nil, &StartError{p.Command[0], err}
		}
	}
	cmd := lab.Command(w.ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.Dir, &s.out, &s.out
	if p.wants("{FD}") {
		cmd.ExtraFiles = []*os.File{lent}
	} else if err := lent.Close(); err != nil {
		return nil, err
	}
	if err := within(ns, cmd.Start); err != nil {
		var missing *lab.MissingError
		if errors.As(err, &missing) && missing.Err != nil {
			err = missing.Err // no package is known that has it
		}
		return nil, &StartError{p.Command[0], err}
	}
	w.Go(func() error {
		s.end(cmd.Wait())
		return nil
	})
	return s, nil
}

func (p Program) wants(placeholder string) bool {
	for _, arg := range p.Command {
		if strings.Contains(arg, placeholder) {
			return true
		}
	}
	return false
}

// fill puts what the wire is like into the command.
func (p Program) fill(w *Wire, name string) (args []string) {
	mtu := w.Config.MTU
	if mtu == 0 {
		mtu = tun.DefaultMTU
	}
	r := strings.NewReplacer("{TUN}", name, "{FD}", strconv.Itoa(inherited), "{HOST}", w.Config.FarAddr.String(),
		"{PEER}", w.Config.NearAddr.Addr().String(), "{PREFIX}", strconv.Itoa(w.Config.NearAddr.Bits()), "{MTU}", strconv.Itoa(mtu))
	for _, arg := range p.Command {
		args = append(args, r.Replace(arg))
	}
	return args
}

// Process is a Program under way. It tells nothing of its sockets.
type Process struct {
	at   netip.Addr
	ns   *lab.Namespace // of its interface; nil is the current one
	link string
	out  output
	over chan struct{}
	err  error // of its end; after over
}

// Addr implements Server.
func (p *Process) Addr() netip.Addr { return p.at }

// Listen fails: a program serves what it serves.
func (p *Process) Listen(uint16) (net.Listener, error) {
	return nil, fmt.Errorf("wire: listening in a program: %w", errors.ErrUnsupported)
}

// Sockets fails: a program's sockets show on the wire only.
func (p *Process) Sockets() ([]lab.Socket, error) {
	return nil, fmt.Errorf("wire: listing the sockets of a program: %w", errors.ErrUnsupported)
}

// Packets is how many packets the program has sent so far; 0 if nobody can tell.
func (p *Process) Packets() (n uint64) {
	_ = within(p.ns, func() error {
		l, err := netlink.LinkByName(p.link)
		if err == nil && l.Attrs().Statistics != nil {
			n = l.Attrs().Statistics.RxPackets
		}
		return err
	})
	return n
}

// Over is closed when the program has ended.
func (p *Process) Over() <-chan struct{} { return p.over }

// Said is closed when the program has printed what Program.Says is.
func (p *Process) Said() <-chan struct{} { return p.out.said }

// Output is the last that the program printed, errors included, up to 4 KiB. It is as
// the program wrote it: quote it before it reaches a terminal.
func (p *Process) Output() string { return p.out.String() }

func (p *Process) end(err error) {
	p.err = err
	close(p.over)
}

// Ended says how the program ended: "exit status 0", "signal: segmentation fault". It
// is empty while the program runs.
func (p *Process) Ended() string {
	select {
	case <-p.over:
	default:
		return ""
	}
	var exit *exec.ExitError
	switch {
	case p.err == nil:
		return "exit status 0"
	case errors.As(p.err, &exit):
		return exit.ProcessState.String()
	}
	return p.err.Error()
}
