package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// script is a listener that returns one result after the other: an error, or a
// connection for nil. Then it is closed.
type script struct {
	*pipes
	results []error
}

func (s *script) Accept() (net.Conn, error) {
	if len(s.results) == 0 {
		return s.pipes.Accept()
	}
	err := s.results[0]
	s.results = s.results[1:]
	if err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	client.Close()
	return server, nil
}

func acceptError(errno syscall.Errno) error {
	return &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", errno)}
}

func TestServeBacksOffWhileDescriptorsLack(t *testing.T) {
	emfile := acceptError(syscall.EMFILE)
	results := slices.Repeat([]error{emfile}, 10)
	results = append(results, nil, acceptError(syscall.ENOBUFS), acceptError(syscall.ECONNABORTED), net.ErrClosed)
	var waits []time.Duration
	var log bytes.Buffer
	expired := make(chan time.Time)
	close(expired)
	a := mustNew(t, "7=echo", Config{
		Log: slog.New(slog.NewTextHandler(&log, nil)),
		After: func(d time.Duration) <-chan time.Time {
			waits = append(waits, d)
			return expired
		},
	})
	if err := a.Serve(t.Context(), &script{newPipes(), results}); err != nil {
		t.Fatal(err)
	}
	const ms = time.Millisecond
	want := []time.Duration{5 * ms, 10 * ms, 20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 640 * ms, 1000 * ms, 1000 * ms, 5 * ms, 10 * ms}
	if !slices.Equal(waits, want) {
		t.Errorf("waited %v, want %v", waits, want)
	}
	if got, want := a.Stats(), (Stats{Accepted: 1, AcceptErrors: 12}); got != want {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 12 || !strings.Contains(log.String(), "too many open files") {
		t.Errorf("the log has %d warnings, want 12:\n%s", n, log.String())
	}
}

func TestServeStopsDuringBackoff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := mustNew(t, "7=echo", Config{After: func(time.Duration) <-chan time.Time {
		cancel()
		return nil // never
	}})
	if err := a.Serve(ctx, &script{newPipes(), []error{acceptError(syscall.ENFILE)}}); err != nil {
		t.Fatal(err)
	}
}

func TestServeReturnsAPermanentError(t *testing.T) {
	broken := errors.New("link is gone")
	for _, cause := range []error{broken, acceptError(syscall.EINVAL)} {
		synctest.Test(t, func(t *testing.T) {
			a := mustNew(t, "1=leaker", Config{})
			p := newPipes()
			err := a.Serve(t.Context(), &script{p, []error{nil, cause}})
			if !errors.Is(err, cause) {
				t.Errorf("Serve: %v, want %v in it", err, cause)
			}
			if !strings.Contains(err.Error(), "app 1=leaker: accept on pipes") {
				t.Errorf("error %q does not say what failed", err)
			}
			if got, want := a.Stats(), (Stats{Accepted: 1}); got != want {
				t.Errorf("counts are %+v, want %+v", got, want)
			}
			select {
			case <-p.closed:
			default:
				t.Error("the listener is still open")
			}
		})
	}
}

func TestServeEndsWhenTheListenerIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := mustNew(t, "1=leaker", Config{})
		p := newPipes()
		done := make(chan error, 1)
		go func() { done <- a.Serve(t.Context(), p) }()
		c := p.dial()
		defer c.Close()
		wantActive(t, a, 1)
		p.Close()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v, want nil", err)
		}
		wantEOF(t, c)
	})
}

func TestServeWithAnEndedContextServesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := mustNew(t, "7=echo", Config{})
	p := newPipes()
	if err := a.Serve(ctx, p); err != nil {
		t.Fatal(err)
	}
	<-p.closed
}

// late is a listener that hands out its only connection after it was closed, as
// a real one does when a client arrives in the moment the app stops.
type late struct {
	*pipes
	stop func()
	only net.Conn
}

func (l *late) Accept() (net.Conn, error) {
	if l.only == nil {
		return nil, net.ErrClosed
	}
	l.stop()
	<-l.closed
	c := l.only
	l.only = nil
	return c, nil
}

func TestServeClosesAConnectionAcceptedWhileItStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := mustNew(t, "1=leaker", Config{})
	client, server := net.Pipe()
	if err := a.Serve(ctx, &late{newPipes(), cancel, server}); err != nil {
		t.Fatal(err)
	}
	wantEOF(t, client)
	if got, want := a.Stats(), (Stats{Accepted: 1}); got != want {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
}

func TestServeOnTwoListenersCountsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := mustNew(t, "1=leaker", Config{})
		ctx, cancel := context.WithCancel(t.Context())
		first, second := newPipes(), newPipes()
		done := make(chan error, 2)
		go func() { done <- a.Serve(ctx, first) }()
		go func() { done <- a.Serve(t.Context(), second) }()
		first.dial().Close()
		second.dial().Close()
		wantActive(t, a, 2)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		wantActive(t, a, 1)
		second.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got, want := a.Stats(), (Stats{Accepted: 2}); got != want {
			t.Errorf("counts are %+v, want %+v", got, want)
		}
	})
}
