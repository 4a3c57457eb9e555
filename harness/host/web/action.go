package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lastack/harness/lab"
)

const (
	maxActions = 4 // at once
	// actionPatience ends a client program that waits for a server which never closes.
	actionPatience = 4 * time.Second
	maxPrinted     = 2000 // bytes of what a program printed
	floodSize      = 100
	floodWorkers   = 8
)

// action is a thing to do: a program of the kernel's side, against an app of some kind.
type action struct {
	id, kind string // of the app
	argv     []string
	input    string
	// flood is many connections of this process's own in place of a program.
	flood bool
}

// actions are all, in the order in which the page has them. HOST and PORT are filled in.
var actions = []action{
	{id: "curl", kind: "http", argv: []string{"curl", "-sS", "--noproxy", "*", "http://HOST:PORT/"}},
	{id: "close-together", kind: "discard", argv: []string{"nc", "-N", "HOST", "PORT"}, input: "x"},
	{id: "slow-close", kind: "slow-closer", argv: []string{"nc", "-N", "HOST", "PORT"}, input: "x"},
	{id: "half-close", kind: "half-closer", argv: []string{"nc", "-N", "HOST", "PORT"}, input: "x"},
	{id: "server-first", kind: "server-closes", argv: []string{"nc", "HOST", "PORT"}, input: "x"},
	{id: "abort", kind: "aborter", argv: []string{"nc", "HOST", "PORT"}, input: "x"},
	{id: "leak", kind: "leaker", argv: []string{"nc", "-N", "HOST", "PORT"}, input: "x"},
	{id: "fast-open", kind: "http", argv: []string{"curl", "-sS", "--noproxy", "*", "--tcp-fastopen", "http://HOST:PORT/"}},
	{id: "flood", kind: "echo", flood: true},
}

// port is that of the first app of a kind; 0 if there is none.
func (s *site) port(kind string) uint16 {
	for _, a := range s.Apps {
		if a.Kind == kind {
			return a.Port
		}
	}
	return 0
}

// available are the actions that there is an app for.
func (s *site) available() []string {
	out := []string{}
	for _, a := range actions {
		if s.port(a.kind) != 0 && len(s.Addrs) > 0 {
			out = append(out, a.id)
		}
	}
	return out
}

// act does what the path names, and answers when that is over.
func (s *site) act(w http.ResponseWriter, r *http.Request) {
	var a *action
	for i := range actions {
		if actions[i].id == r.PathValue("id") {
			a = &actions[i]
		}
	}
	if a == nil || s.port(a.kind) == 0 || len(s.Addrs) == 0 {
		fail(w, http.StatusNotFound, "there is no such action here, or no server for it")
		return
	}
	select {
	case s.actions <- struct{}{}:
		defer func() { <-s.actions }()
	default:
		fail(w, http.StatusConflict, fmt.Sprintf("%d clients run already; wait for the end of one", maxActions))
		return
	}
	ctx, stop := context.WithTimeout(r.Context(), actionPatience)
	defer stop()
	to := netip.AddrPortFrom(s.Addrs[0], s.port(a.kind))
	if a.flood {
		made, err := flood(ctx, to)
		reply(w, result{Command: fmt.Sprintf("%d connections to %s", floodSize, to), Printed: fmt.Sprintf("%d made", made), Error: text(err)})
		return
	}
	reply(w, a.run(ctx, to))
}

// result is what became of an action.
type result struct {
	Command string `json:"command"`
	Printed string `json:"printed"`
	Error   string `json:"error,omitempty"`
}

// run runs the program, and gives it up after the context's end: its connection ends then.
func (a *action) run(ctx context.Context, to netip.AddrPort) result {
	fill := strings.NewReplacer("HOST", to.Addr().String(), "PORT", fmt.Sprint(to.Port()))
	var argv []string
	for _, arg := range a.argv {
		argv = append(argv, fill.Replace(arg))
	}
	c := lab.Command(ctx, argv[0], argv[1:]...)
	c.Stdin = strings.NewReader(a.input)
	printed := &head{}
	c.Stdout, c.Stderr = printed, printed
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() != nil {
		err = nil // that a leak is given up is no failure
	}
	return result{Command: strings.Join(argv, " "), Printed: printed.String(), Error: text(err)}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// head keeps the beginning of what is written.
type head struct{ strings.Builder }

func (h *head) Write(b []byte) (int, error) {
	h.Builder.Write(b[:min(len(b), maxPrinted-h.Len())])
	return len(b), nil
}

// flood opens short connections to an echo server, several at once.
func flood(ctx context.Context, to netip.AddrPort) (made int64, err error) {
	var wg sync.WaitGroup
	var left, done atomic.Int64
	left.Store(floodSize)
	errs := make(chan error, floodWorkers)
	for range floodWorkers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := once(ctx, to); err != nil {
					errs <- err
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	select {
	case err = <-errs:
	default:
	}
	return done.Load(), err
}

// once is one connection: a byte there and back, and a close.
func once(ctx context.Context, to netip.AddrPort) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(deadline); err != nil {
			return err
		}
	}
	var b [1]byte
	if _, err := c.Write(b[:]); err != nil {
		return err
	}
	_, err = io.ReadFull(c, b[:])
	return err
}
