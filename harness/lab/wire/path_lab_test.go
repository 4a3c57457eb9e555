package wire_test

import (
	"context"
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"lastack/harness/app"
	"lastack/harness/lab/labtest"
	"lastack/harness/lab/wire"
)

// TestPath: what the three kernels say about each other, and what becomes of it when the
// server is out of reach.
func TestPath(t *testing.T) {
	if !labtest.Inside(t) {
		return
	}
	c := wire.PathConfig{
		Client: netip.MustParsePrefix("10.71.1.1/24"), Near: netip.MustParseAddr("10.71.1.2"),
		Far: netip.MustParseAddr("10.71.2.1"), Server: netip.MustParsePrefix("10.71.2.2/24"),
		Settings: map[string]string{"net.ipv4.tcp_retries2": "3"},
	}
	p, err := wire.RaisePath(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	l, err := p.Server.Listen(echo.Port)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(echo, app.Config{})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = a.Serve(t.Context(), l) }()
	const lost, patience = 300 * time.Millisecond, 30 * time.Second
	dial := func(from wire.Side, within time.Duration) error {
		return from.Do(func() error {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			conn, err := from.Dial(ctx, netip.AddrPortFrom(p.Server.Addr(), echo.Port), 0, nil)
			if err == nil {
				err = conn.Close()
			}
			return err
		})
	}
	if err := dial(p.Middle, patience); err != nil {
		t.Errorf("from the middle: %v", err)
	}
	if err := dial(p.Client, patience); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("from the client, with nothing in the middle: %v, want ENETUNREACH", err)
	}
	for _, step := range []struct {
		name string
		do   func() error
		want error
	}{
		{"Lose", p.Lose, context.DeadlineExceeded}, {"Find", p.Find, nil},
		{"Unreach", p.Unreach, syscall.EHOSTUNREACH}, {"Reach", p.Reach, nil},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		within := patience
		if step.want == context.DeadlineExceeded {
			within = lost
		}
		err := dial(p.Middle, within)
		timeout, _ := err.(interface{ Timeout() bool })
		if !errors.Is(err, step.want) && !(step.want == context.DeadlineExceeded && timeout != nil && timeout.Timeout()) {
			t.Errorf("after %s: %v, want %v", step.name, err, step.want)
		}
	}
}
