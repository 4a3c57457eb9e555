package programs

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lastack/harness/lab/wire"
)

// goPool is Go's http.Transport.
type goPool struct {
	client http.Client
	url    string
}

// goKind makes them at the near end of a wire. As by default, a pool keeps 2 idle
// connections for a host and opens as many as it needs.
func goKind(near wire.Side) func(context.Context, settings) (pool, error) {
	return func(_ context.Context, s settings) (pool, error) {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, _, addr string) (net.Conn, error) { return dialFrom(ctx, near, addr) }
		if s.route > 0 {
			t.MaxIdleConns, t.MaxIdleConnsPerHost, t.MaxConnsPerHost, t.IdleConnTimeout = s.total, s.route, s.route, s.keep
		}
		return &goPool{http.Client{Transport: t}, s.url}, nil
	}
}

func dialFrom(ctx context.Context, near wire.Side, addr string) (c net.Conn, err error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	err = near.Do(func() error {
		c, err = near.Dial(ctx, to, 0, nil)
		return err
	})
	return c, err
}

func (p *goPool) load(ctx context.Context, n int, d time.Duration) (requests, failed int, err error) {
	var done, bad atomic.Int64
	until, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for first := true; first || until.Err() == nil; first = false {
				if p.post(ctx) == nil {
					done.Add(1)
				} else {
					bad.Add(1)
				}
			}
		})
	}
	all.Wait()
	return int(done.Load()), int(bad.Load()), context.Cause(ctx)
}

func (p *goPool) post(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, strings.NewReader("x"))
	if err != nil {
		return err
	}
	a, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = a.Body.Close() }() // it was read to its end
	if _, err := io.Copy(io.Discard, a.Body); err != nil {
		return err
	}
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s", a.Status)
	}
	return nil
}
