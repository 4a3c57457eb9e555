package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"lastack/harness/check/watch"
	"lastack/harness/lab/middle"
	"lastack/harness/lab/wire"
)

// ground is what the checks happen on. Who raises it closes it.
type ground struct {
	cfg                  *Config
	path                 *wire.Path
	clientLeg, serverLeg *watch.Watch
	program              *middle.Program // nil with NAT

	opening  sync.Mutex // one connection is opened at a time
	listener net.Listener
	accepted chan *net.TCPConn
	serving  sync.WaitGroup
	hellos   int
	waits    *waits // nil until they were made
	// empty is what the proxy held before backpressure was tried for the first time; nil
	// until then. What one attempt leaves on its heap is room for what the next one sends.
	empty *middle.Usage
}

// raise builds the ground, with the proxy on it.
func raise(ctx context.Context, c *Config) (_ *ground, err error) {
	g := &ground{cfg: c, accepted: make(chan *net.TCPConn, backlog)}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	if g.path, err = wire.RaisePath(ctx, pathConfig()); err != nil {
		return nil, err
	}
	err = g.path.Middle.Do(func() (err error) {
		if g.clientLeg, err = watch.Open(wire.ClientLeg, watch.Config{}); err == nil {
			g.serverLeg, err = watch.Open(wire.ServerLeg, watch.Config{})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := g.listen(); err != nil {
		return nil, err
	}
	if c.NAT {
		return g, middle.Translate(ctx, g.path)
	}
	g.program, err = middle.Start(ctx, g.path, middle.Config{Command: c.Command, Ready: c.Ready})
	return g, err
}

func (g *ground) close() error {
	if g.program != nil {
		g.program.Stop()
	}
	var errs []error
	if g.listener != nil {
		errs = append(errs, g.unlisten())
	}
	for _, l := range []*watch.Watch{g.clientLeg, g.serverLeg} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	if g.path != nil {
		errs = append(errs, g.path.Close())
	}
	return errors.Join(errs...)
}

// backlog is how many connections may wait for a check to take them.
const backlog = 64

// listen begins to serve.
func (g *ground) listen() error {
	l, err := g.path.Server.Listen(middle.ServerAt.Port())
	if err != nil {
		return fmt.Errorf("listening as the server: %w", err)
	}
	g.listener = l
	g.serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // unlisten was called
			}
			select {
			case g.accepted <- c.(*net.TCPConn):
			default:
				_ = c.Close() // a proxy that connects without being asked
			}
		}
	})
	return nil
}

// unlisten ends serving; connections that were accepted stay.
func (g *ground) unlisten() error {
	err := g.listener.Close()
	g.serving.Wait()
	g.listener = nil
	return err
}

// pair is a connection through the proxy.
type pair struct {
	client, server *end
	opened         time.Time // when the last of the lines had passed
}

// ends are the pair's, the named one first.
func (p *pair) ends(first side) (from, to *end) {
	if first == theServer {
		return p.server, p.client
	}
	return p.client, p.server
}

// close closes what is open.
func (p *pair) close() {
	for _, e := range []*end{p.client, p.server} {
		if e != nil {
			_ = e.Close() // most are closed
		}
	}
}

// side is the client or the server.
type side string

const (
	theClient side = "client"
	theServer side = "server"
)

func (s side) other() side {
	if s == theClient {
		return theServer
	}
	return theClient
}

// answer is how long something is waited for that comes at once where it comes at all.
const answer = 5 * time.Second

// dial connects a client to the proxy, and asks for the server where the proxy wants that.
func (g *ground) dial(ctx context.Context, within time.Duration) (*end, error) {
	c, err := g.connect(ctx, within)
	if err != nil {
		return nil, err
	}
	e := newEnd(ctx, c)
	if err := g.cfg.Speak.ask(c, within); err != nil {
		_ = c.Close() // the error that matters is the one before
		return nil, err
	}
	return e, nil
}

// connect connects a client to the proxy. It sends no keep-alive probes.
func (g *ground) connect(ctx context.Context, within time.Duration) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var c wire.Conn
	err := g.path.Client.Do(func() (err error) {
		c, err = g.path.Client.Dial(ctx, middle.ListenAt, 0, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	tcp := c.(*net.TCPConn)
	return tcp, tcp.SetKeepAlive(false)
}

// open opens a connection through the proxy, and passes a line each way. A proxy that
// connects without being asked, to see whether the server is there, is told apart by them.
func (g *ground) open(ctx context.Context) (_ *pair, err error) {
	g.opening.Lock()
	defer g.opening.Unlock()
	defer func() {
		if err != nil {
			err = &openError{err}
		}
	}()
	g.forget()
	client, err := g.dial(ctx, answer)
	if err != nil {
		return nil, err
	}
	p := &pair{client: client}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	g.hellos++
	hello := fmt.Sprintf("lastack %08d\n", g.hellos)
	if err := within(client, func() error { _, err := client.Write([]byte(hello)); return err }); err != nil {
		return nil, fmt.Errorf("sending a line to the server: %w", err)
	}
	if p.server, err = g.accept(ctx, hello); err != nil {
		return nil, err
	}
	err = pass(p.server, client, hello)
	p.opened = time.Now()
	return p, err
}

// openError says that nothing passes through the proxy.
type openError struct{ err error }

func (e *openError) Error() string { return "no connection came about through it: " + e.err.Error() }
func (e *openError) Unwrap() error { return e.err }

// forget closes the connections that nobody took.
func (g *ground) forget() {
	for {
		select {
		case c := <-g.accepted:
			_ = c.Close()
		default:
			return
		}
	}
}

// accept takes the connection that begins with a line. A connection on which nothing comes,
// as a proxy makes to see whether the server is there or to have it ready, holds nothing up.
func (g *ground) accept(ctx context.Context, hello string) (*end, error) {
	timer := time.NewTimer(answer)
	defer timer.Stop()
	found := make(chan *end, 1)
	var others []*end
	defer func() {
		for _, e := range others {
			_ = e.Close() // whoever waits for a line on it stops
		}
	}()
	for {
		select {
		case c := <-g.accepted:
			e := newEnd(ctx, c)
			others = append(others, e)
			go func() {
				if expect(e, hello) != nil {
					return
				}
				select {
				case found <- e:
				default: // a proxy that sends the same to several servers
				}
			}()
		case e := <-found:
			others = slices.DeleteFunc(others, func(o *end) bool { return o == e })
			return e, nil
		case <-timer.C:
			return nil, fmt.Errorf("the client's line did not reach the server within %v", answer)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// pass sends a line from one end to the other.
func pass(from, to *end, line string) error {
	err := within(from, func() error { _, err := from.Write([]byte(line)); return err })
	if err == nil {
		err = expect(to, line)
	}
	if err != nil {
		return fmt.Errorf("passing a line through the proxy: %w", err)
	}
	return nil
}

// expect reads a line.
func expect(e *end, line string) error {
	got := make([]byte, len(line))
	return within(e, func() error {
		if _, err := io.ReadFull(e, got); err != nil {
			return err
		}
		if string(got) != line {
			return fmt.Errorf("%q came in place of %q", got, line)
		}
		return nil
	})
}

// within bounds what f does with a socket.
func within(e *end, f func() error) error {
	if err := e.SetDeadline(time.Now().Add(answer)); err != nil {
		return err
	}
	return errors.Join(f(), e.SetDeadline(time.Time{}))
}
