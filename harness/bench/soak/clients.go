package soak

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// clients is the process of the clients. It prints a report each second as a line
// of JSON. After the last it waits for the end of its standard input with every
// socket as it is, so that the parent can look at them.
func clients(l *load) error {
	w := &crowd{load: l, open: make(map[int64]*exchange)}
	w.tally.Habits, w.tally.Failed = make(map[string]int64), make(map[string]int64)
	ctx, cancel := context.WithTimeout(context.Background(), l.Duration)
	defer cancel()
	enemies, err := w.harass(ctx)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.work(ctx)
		enemies.Wait()
	}()
	end := time.NewTimer(l.Duration + l.Grace)
	defer end.Stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	out := json.NewEncoder(os.Stdout)
	for over := false; !over; {
		select {
		case <-tick.C:
		case <-done:
			over = true
		case <-end.C:
			over = true
		}
		if err := out.Encode(w.report(over)); err != nil {
			return fmt.Errorf("soak: reporting: %w", err)
		}
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// crowd is the clients at work.
type crowd struct {
	load  *load
	begun atomic.Int64

	mu    sync.Mutex
	tally Clients
	open  map[int64]*exchange
}

// work has the workers connect until ctx ends, and returns when all is over.
func (w *crowd) work(ctx context.Context) {
	var workers sync.WaitGroup
	for range w.load.Workers {
		workers.Go(func() {
			for ctx.Err() == nil {
				n := w.begun.Add(1)
				if w.load.Count > 0 && n > w.load.Count {
					return
				}
				w.one(n)
			}
		})
	}
	workers.Wait()
}

// one is connection n, whose habit, size and content its number determines.
func (w *crowd) one(n int64) {
	r := rand.New(rand.NewPCG(w.load.Seed, uint64(n)))
	h := pick(w.load.Mix, r)
	most := w.load.Most
	if h.most > 0 {
		most = min(most, h.most)
	}
	least := min(w.load.Least, most)
	x := &exchange{
		habit: h, size: least + r.Int64N(most-least+1), idle: or(w.load.Idle, h.idle), rand: r,
		out: newContent(w.load.Seed, n), in: newContent(w.load.Seed, n),
	}
	// Keep-alive probes would wake a connection that is stuck.
	d := net.Dialer{KeepAlive: -1}
	c, err := d.Dial("tcp4", netip.AddrPortFrom(w.load.To, h.port).String())
	if err != nil {
		w.over(n, x, &connectError{err})
		return
	}
	conn := c.(*net.TCPConn)
	x.conn = conn
	w.mu.Lock()
	w.open[n] = x
	w.mu.Unlock()
	err = h.run(x)
	if err != nil {
		_ = conn.SetLinger(0)
		_ = conn.Close() // what went wrong before says more
	}
	w.over(n, x, err)
}

// follow hands each report of a process of clients to f, and after the last one
// calls last, while the sockets are as they were.
func follow(out io.Reader, in io.Closer, f func(*Clients), last func() error) (*Clients, error) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		c := &Clients{}
		if err := json.Unmarshal(lines.Bytes(), c); err != nil {
			return nil, fmt.Errorf("soak: the clients said %q: %w", lines.Text(), err)
		}
		f(c)
		if c.Done {
			return c, errors.Join(last(), in.Close())
		}
	}
	return nil, errors.Join(errors.New("soak: the clients ended without a last report"), lines.Err())
}

// startClients runs clients in a process of their own until they are through.
func startClients(ctx context.Context, l *load, f func(*Clients), last func() error) (*Clients, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd, err := child(ctx, role{Load: l})
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("soak: starting the clients: %w", err)
	}
	c, err := follow(out, in, f, last)
	if err != nil {
		cancel()
	}
	return c, errors.Join(err, cmd.Wait())
}
