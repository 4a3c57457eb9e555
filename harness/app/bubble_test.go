package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Tests in this file run in a synctest bubble: connections are net.Pipes, time is
// simulated, and "everyone waits" is a state that can be observed.

// pipes is a listener of in-memory connections.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes {
	return &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.accept <- server
	return client
}

// inBubble runs an app on pipes inside a bubble, calls f, stops the app, and
// checks that it left nothing open. The bubble itself fails if a goroutine stays.
func inBubble(t *testing.T, text string, cfg Config, f func(t *testing.T, a *App, p *pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := mustNew(t, text, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		p := newPipes()
		done := make(chan error, 1)
		go func() { done <- a.Serve(ctx, p) }()
		f(t, a, p)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if n := a.Stats().Active; n != 0 {
			t.Errorf("%d connections are active after Serve", n)
		}
	})
}

func mustNew(t testing.TB, text string, cfg Config) *App {
	t.Helper()
	spec, err := ParseSpec(text)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(spec, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// wantActive waits until every goroutine waits, and checks how many connections
// are open then.
func wantActive(t *testing.T, a *App, want int) {
	t.Helper()
	synctest.Wait()
	if got := a.Stats().Active; got != want {
		t.Errorf("%d connections are active, want %d", got, want)
	}
}

func exchange(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("sent %q, got back %q, error %v", text, got, err)
	}
}

func wantEOF(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d bytes and error %v, want EOF", n, err)
	}
}

func TestKindsCloseAtEOFWithoutDelay(t *testing.T) {
	for _, kind := range []string{"echo", "discard", "http", "server-closes", "aborter", "half-closer,bytes=0"} {
		t.Run(kind, func(t *testing.T) {
			inBubble(t, "1="+kind, Config{}, func(t *testing.T, a *App, p *pipes) {
				c := p.dial()
				wantActive(t, a, 1)
				start := time.Now()
				c.Close()
				wantActive(t, a, 0)
				if d := time.Since(start); d != 0 {
					t.Errorf("closed %v after EOF, want at once", d)
				}
			})
		})
	}
}

// lastWords is a connection whose only read returns data and EOF together, as the
// io.Reader contract allows. It keeps what is written to it.
type lastWords struct {
	net.Conn
	written bytes.Buffer
}

func (c *lastWords) Read(p []byte) (int, error)  { return copy(p, "hello"), io.EOF }
func (c *lastWords) Write(p []byte) (int, error) { return c.written.Write(p) }

func TestDataThatComesWithEOFIsAnswered(t *testing.T) {
	for _, kind := range []string{"echo", "slow-closer", "server-closes", "aborter"} {
		inBubble(t, "1="+kind, Config{}, func(t *testing.T, a *App, p *pipes) {
			_, server := net.Pipe()
			c := &lastWords{Conn: server}
			p.accept <- c
			<-time.After(time.Second)
			wantActive(t, a, 0)
			if got := c.written.String(); got != "hello" {
				t.Errorf("%s answered %q, want hello", kind, got)
			}
		})
	}
}

func TestServerClosesAfterOneAnswer(t *testing.T) {
	inBubble(t, "1=server-closes", Config{}, func(t *testing.T, a *App, p *pipes) {
		c := p.dial()
		defer c.Close()
		exchange(t, c, "hello")
		wantEOF(t, c)
	})
}

func TestSlowCloserClosesADelayAfterEOF(t *testing.T) {
	inBubble(t, "1=slow-closer,delay=300", Config{}, func(t *testing.T, a *App, p *pipes) {
		c := p.dial()
		exchange(t, c, "hello")
		exchange(t, c, "again")
		c.Close()
		<-time.After(300*time.Millisecond - 1)
		wantActive(t, a, 1)
		<-time.After(1)
		wantActive(t, a, 0)
	})
}

func TestUnreadClosesADelayAfterAccept(t *testing.T) {
	inBubble(t, "1=unread", Config{}, func(t *testing.T, a *App, p *pipes) {
		start := time.Now()
		c := p.dial()
		defer c.Close()
		wantEOF(t, c)
		if d := time.Since(start); d != 300*time.Millisecond {
			t.Errorf("closed %v after accept, want 300ms", d)
		}
		// Nothing may be read: on a pipe, a write would wait for a reader.
		c = p.dial()
		defer c.Close()
		if n, err := c.Write([]byte("hello")); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%d bytes were read, error %v", n, err)
		}
	})
}

func TestLeakerNeverCloses(t *testing.T) {
	inBubble(t, "1=leaker", Config{}, func(t *testing.T, a *App, p *pipes) {
		for range 10 {
			c := p.dial()
			if _, err := io.WriteString(c, "hello"); err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
		<-time.After(24 * time.Hour)
		wantActive(t, a, 10)
	})
}

func TestDelaysEndWhenTheAppStops(t *testing.T) {
	for _, kind := range []string{"slow-closer,delay=1h", "unread,delay=1h", "half-closer,delay=1h"} {
		t.Run(kind, func(t *testing.T) {
			var start time.Time
			inBubble(t, "1="+kind, Config{}, func(t *testing.T, a *App, p *pipes) {
				p.dial().Close()
				wantActive(t, a, 1)
				start = time.Now()
				t.Cleanup(func() {
					if d := time.Since(start); d != 0 {
						t.Errorf("the app stopped after %v, want at once", d)
					}
				})
			})
		})
	}
}

func TestStoppingWakesEveryKind(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			inBubble(t, "1="+k.Name, Config{}, func(t *testing.T, a *App, p *pipes) {
				for range 3 {
					c := p.dial() // silent
					t.Cleanup(func() { c.Close() })
				}
				wantActive(t, a, 3)
				if n := a.Stats().Accepted; n != 3 {
					t.Errorf("%d accepted, want 3", n)
				}
			})
		})
	}
}

func TestStoppingWakesABlockedWriter(t *testing.T) {
	for _, kind := range []string{"echo", "slow-closer", "server-closes", "aborter"} {
		inBubble(t, "1="+kind, Config{}, func(t *testing.T, a *App, p *pipes) {
			c := p.dial()
			t.Cleanup(func() { c.Close() })
			if _, err := io.WriteString(c, "never read back"); err != nil {
				t.Fatal(err)
			}
			wantActive(t, a, 1)
		})
	}
}

func TestDelaysUseTheInjectedTimer(t *testing.T) {
	asked, fire := make(chan time.Duration, 1), make(chan time.Time)
	cfg := Config{After: func(d time.Duration) <-chan time.Time {
		asked <- d
		return fire
	}}
	a := mustNew(t, "1=slow-closer,delay=1h", cfg)
	p := newPipes()
	done := make(chan error, 1)
	go func() { done <- a.Serve(t.Context(), p) }()
	p.dial().Close()
	if d := <-asked; d != time.Hour {
		t.Errorf("asked for a timer of %v, want 1h", d)
	}
	if n := a.Stats().Active; n != 1 {
		t.Errorf("%d active while the timer runs, want 1", n)
	}
	fire <- time.Time{}
	p.Close()
	if err := <-done; err != nil || a.Stats() != (Stats{Accepted: 1}) {
		t.Errorf("Serve: %v, counts %+v", err, a.Stats())
	}
}

// The pipe has no SetLinger, so the abort must be reported, not skipped.
func TestAborterReportsAConnectionItCannotAbort(t *testing.T) {
	var log bytes.Buffer
	cfg := Config{Log: slog.New(slog.NewTextHandler(&log, nil))}
	inBubble(t, "8005=aborter", cfg, func(t *testing.T, a *App, p *pipes) {
		c := p.dial()
		defer c.Close()
		exchange(t, c, "hello")
		wantEOF(t, c)
	})
	for _, want := range []string{"level=ERROR", "8005=aborter", "cannot abort", "SetLinger", "*net.pipe"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}
}
