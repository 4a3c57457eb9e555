package programs

import (
	"context"
	"errors"
	"net"
	"runtime"
	"runtime/debug"
	"sync"

	"lastack/harness/lab"
)

// goServer is the failing server in Go.
type goServer struct {
	all       []handler
	listeners []net.Listener
	work      sync.WaitGroup
	done      chan struct{} // receives once a request
	percent   int           // of the collector, as it was

	mu   sync.Mutex
	kept []net.Conn
}

// startGo starts it. The collector rests until close, since it would run whenever it
// likes, before the first count, too.
func startGo(_ context.Context, ns *lab.Namespace) (failing, error) {
	g := &goServer{done: make(chan struct{}), percent: debug.SetGCPercent(-1)}
	for _, h := range []struct {
		name   string
		handle func(net.Conn)
	}{{"dropped", dropped}, {"kept_in_a_list", g.keep}, {"defer", deferred}} {
		l, err := listen(ns)
		if err != nil {
			return nil, errors.Join(err, g.close())
		}
		g.listeners = append(g.listeners, l)
		g.all = append(g.all, handler{h.name, uint16(l.Addr().(*net.TCPAddr).Port)})
		g.work.Go(func() { g.accept(l, h.handle) })
	}
	return g, nil
}

func listen(ns *lab.Namespace) (l net.Listener, err error) {
	err = ns.Do(func() error {
		l, err = net.Listen("tcp4", "127.0.0.1:0")
		return err
	})
	return l, err
}

func (g *goServer) accept(l net.Listener, handle func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		g.work.Go(func() { g.serve(c, handle) })
	}
}

// serve recovers from the handler's panic, as net/http does.
func (g *goServer) serve(c net.Conn, handle func(net.Conn)) {
	defer func() {
		_ = recover()
		g.done <- struct{}{}
	}()
	handle(c)
}

func dropped(c net.Conn) {
	fails(c)
	_ = c.Close() // never comes to this
}

func deferred(c net.Conn) {
	defer func() { _ = c.Close() }()
	fails(c)
}

func (g *goServer) keep(c net.Conn) {
	g.mu.Lock()
	g.kept = append(g.kept, c)
	g.mu.Unlock()
	fails(c)
}

func fails(c net.Conn) {
	_, _ = c.Read(make([]byte, 100))
	panic("no such order")
}

func (g *goServer) handlers() []handler { return g.all }

func (g *goServer) failed(ctx context.Context, n int) error {
	for range n {
		select {
		case <-g.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (g *goServer) collect(context.Context) error {
	runtime.GC()
	runtime.GC() // what a finalizer of the first let go
	return nil
}

func (g *goServer) close() (err error) {
	debug.SetGCPercent(g.percent)
	for _, l := range g.listeners {
		err = errors.Join(err, l.Close())
	}
	over := make(chan struct{})
	go func() { g.work.Wait(); close(over) }()
	for {
		select {
		case <-g.done: // requests that nobody waited for
		case <-over:
			for _, c := range g.kept {
				err = errors.Join(err, c.Close())
			}
			return err
		}
	}
}
