package programs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"lastack/harness/lab"

	"golang.org/x/sys/unix"
)

// leakConnections is how many connections each handler gets.
const leakConnections = 5

// failing is a server with handlers that fail.
type failing interface {
	// handlers are the ports by name, in an order that is kept.
	handlers() []handler
	// failed returns once n requests have.
	failed(ctx context.Context, n int) error
	// collect collects garbage.
	collect(ctx context.Context) error
	close() error
}

type handler struct {
	name string
	port uint16
}

// tryLeaks tries the servers of every language that there is.
func tryLeaks(ctx context.Context, r *Result) error {
	for _, l := range []struct {
		language string
		start    func(context.Context, *lab.Namespace) (failing, error)
	}{{"Python", startPython}, {"Java", startJava}, {"Go", startGo}} {
		leaks, err := leaksOf(ctx, l.language, l.start)
		var missing *lab.MissingError
		switch {
		case errors.As(err, &missing):
			r.Skipped = append(r.Skipped, l.language+": "+missing.Error())
		case err != nil:
			return fmt.Errorf("a server in %s: %w", l.language, err)
		}
		r.Leaks = append(r.Leaks, leaks...)
	}
	return nil
}

func leaksOf(ctx context.Context, language string, start func(context.Context, *lab.Namespace) (failing, error)) (leaks []Leak, err error) {
	ns, err := lab.NewNamespace()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ns.Close()) }()
	s, err := start(ctx, ns)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	all := s.handlers()
	for _, h := range all {
		if err := request(ns, h.port); err != nil {
			return nil, fmt.Errorf("%s: %w", h.name, err)
		}
	}
	if err := s.failed(ctx, len(all)*leakConnections); err != nil {
		return nil, err
	}
	before, err := closeWaits(ctx, ns)
	if err != nil {
		return nil, err
	}
	if err := s.collect(ctx); err != nil {
		return nil, err
	}
	after, err := closeWaits(ctx, ns)
	for _, h := range all {
		name := strings.ReplaceAll(h.name, "_", " ")
		leaks = append(leaks, Leak{language, name, leakConnections, before[h.port], after[h.port]})
	}
	return leaks, err
}

// request makes the handler's connections, each with a request, and closes them.
func request(ns *lab.Namespace, port uint16) error {
	for range leakConnections {
		c, err := dial(ns, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port))
		if err != nil {
			return err
		}
		_, err = c.Write([]byte("order 4711\n"))
		if err = errors.Join(err, c.Close()); err != nil {
			return err
		}
	}
	return nil
}

// closeWaits counts the sockets in CLOSE_WAIT by their local port, once that stays the same.
// A collector's clean-up comes a moment after it.
func closeWaits(ctx context.Context, ns *lab.Namespace) (map[uint16]int, error) {
	const steady, every = 10, 20 * time.Millisecond
	n := map[uint16]int{}
	for last, same := "", 0; same < steady; same++ {
		if err := pause(ctx, every); err != nil {
			return nil, err
		}
		sockets, err := socketsIn(ns)
		if err != nil {
			return nil, err
		}
		n = map[uint16]int{}
		for _, s := range sockets {
			if s.State == "CLOSE_WAIT" {
				n[s.Local.Port()]++
			}
		}
		if now := fmt.Sprint(n); now != last {
			last, same = now, 0
		}
	}
	return n, nil
}

func socketsIn(ns *lab.Namespace) (all []lab.Socket, err error) {
	err = ns.Do(func() error {
		all, err = lab.Sockets(unix.AF_INET)
		return err
	})
	return all, err
}

// foreign is a server in another language.
type foreign struct {
	*process
	all []handler
}

func startPython(ctx context.Context, ns *lab.Namespace) (failing, error) {
	return startForeign(start(ctx, ns, "leak.py", "python3", "{SOURCE}"))
}

func startJava(ctx context.Context, ns *lab.Namespace) (failing, error) {
	if err := need(nil); err != nil {
		return nil, err
	}
	return startForeign(start(ctx, ns, "Leak.java", javaArgs(nil, "{SOURCE}")...))
}

func startForeign(p *process, err error) (failing, error) {
	if err != nil {
		return nil, err
	}
	f := &foreign{process: p}
	for _, line := range p.first {
		name, port, _ := strings.Cut(line, " ")
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s printed %q, not a name and a port", p.name, line), p.close())
		}
		f.all = append(f.all, handler{name, uint16(n)})
	}
	return f, nil
}

func (f *foreign) handlers() []handler { return f.all }

func (f *foreign) failed(ctx context.Context, n int) error {
	_, err := f.ask(ctx, "wait %d", n)
	return err
}

func (f *foreign) collect(ctx context.Context) error {
	_, err := f.ask(ctx, "gc")
	return err
}
