// Package serve is what the subjects of this folder have in common: they serve one of
// lastack's apps on somebody else's stack, as their command says.
package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"

	"lastack/harness/app"
)

// Command is what the program is told: the interface or a descriptor, the address to have,
// and the app.
type Command struct {
	Device string
	Addr   netip.Addr
	App    app.Spec
}

// Main parses the command line, DEVICE ADDRESS PORT=KIND, and serves on the listener that
// listen makes, for as long as the process lives.
func Main(listen func(Command) (net.Listener, error)) {
	if err := run(os.Args[1:], listen); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, listen func(Command) (net.Listener, error)) error {
	if len(args) != 3 {
		return errors.New("want DEVICE ADDRESS PORT=KIND[,NAME=VALUE]")
	}
	addr, err := netip.ParseAddr(args[1])
	if err != nil {
		return err
	}
	spec, err := app.ParseSpec(args[2])
	if err != nil {
		return err
	}
	a, err := app.New(spec, app.Config{})
	if err != nil {
		return err
	}
	l, err := listen(Command{args[0], addr, spec})
	if err != nil {
		return err
	}
	return a.Serve(context.Background(), l)
}

// Listener is a net.Listener of connections that a stack hands over one by one.
type Listener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

// NewListener makes a Listener. Close ends it.
func NewListener() *Listener { return &Listener{conns: make(chan net.Conn), done: make(chan struct{})} }

// Hand gives a connection to Accept, or closes it when nobody accepts any more.
func (l *Listener) Hand(c net.Conn) {
	select {
	case l.conns <- c:
	case <-l.done:
		_ = c.Close() // nobody is left to hear of it
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return &net.TCPAddr{} }
