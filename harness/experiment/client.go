package experiment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"lastack/harness/lab"
	"lastack/harness/lab/wire"

	"golang.org/x/sys/unix"
)

// drive has the client do once what the experiment says.
func (a *attempt) drive(ctx context.Context) error {
	if len(a.exp.Client.Command) > 0 {
		return a.command(ctx)
	}
	if len(a.exp.Client.Crafted) > 0 {
		return a.craft(ctx)
	}
	var s script
	err := s.run(ctx, a)
	if s.conn != nil {
		a.open = append(a.open, s.conn) // closed once everything was looked at
	}
	return err
}

// command runs the client's program to its end.
func (a *attempt) command(ctx context.Context) error {
	args := a.ground.fill(a.exp.Client.Command)
	shown := strings.Join(args, " ")
	if args[0] == "nc" {
		path, err := lab.Netcat()
		if err != nil {
			return err
		}
		args[0] = path
	}
	return a.ground.peer().Do(func() error {
		cmd := lab.Command(ctx, args[0], args[1:]...)
		cmd.Stdin = strings.NewReader(a.exp.Client.Stdin)
		out, err := cmd.CombinedOutput()
		var missing *lab.MissingError
		if errors.As(err, &missing) {
			return missing
		}
		if err != nil {
			return fmt.Errorf("%s: %w: %s", shown, err, strings.TrimSpace(string(out)))
		}
		return nil
	})
}

// script is a client's steps under way. conn is nil while nothing is open.
type script struct {
	conn wire.Conn
}

func (s *script) run(ctx context.Context, a *attempt) error {
	for i := range a.exp.Client.Steps {
		step := &a.exp.Client.Steps[i]
		err := s.step(ctx, a, step)
		if err != nil {
			a.seen.errors.add(step, err)
		}
		switch {
		case step.Fails != 0 && err == nil:
			return fmt.Errorf("step %q did not fail", step)
		case step.Fails != 0 && errors.Is(err, step.Fails):
		case err != nil:
			return fmt.Errorf("step %q: %w", step, err)
		}
	}
	return nil
}

func (s *script) step(ctx context.Context, a *attempt, step *Step) (err error) {
	switch step.Verb {
	case "connect":
		if s.conn != nil {
			a.open = append(a.open, s.conn)
		}
		return a.ground.client.Do(func() error {
			s.conn, err = a.ground.client.Dial(ctx, a.ground.to, uint16(step.N), step.Data)
			return err
		})
	case "forget":
		return a.ground.path.ForgetConnections()
	case "wait":
		return pause(ctx, step.Wait)
	}
	if s.conn == nil {
		return net.ErrClosed
	}
	// A wait for a peer in vain ends with the attempt.
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	return s.act(step)
}

func (s *script) act(step *Step) error {
	switch step.Verb {
	case "send":
		_, err := s.conn.Write(step.Data)
		return err
	case "read":
		return s.read(step.N)
	case "echo":
		return s.echo(step.Data)
	case "half-close":
		return s.conn.CloseWrite()
	case "shut-read":
		return s.conn.CloseRead()
	case "cork":
		return cork(s.conn)
	case "abort":
		if err := s.conn.SetLinger(0); err != nil {
			return err
		}
	}
	return s.conn.Close() // close, and the rest of abort
}

// read takes n bytes, or all until EOF where n is 0.
func (s *script) read(n int) error {
	if n == 0 {
		_, err := io.Copy(io.Discard, onlyReader{s.conn})
		return err
	}
	_, err := io.CopyN(io.Discard, onlyReader{s.conn}, int64(n))
	return err
}

func (s *script) echo(data []byte) error {
	if _, err := s.conn.Write(data); err != nil {
		return err
	}
	got := make([]byte, len(data))
	if _, err := io.ReadFull(s.conn, got); err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return errors.New("the answer is not what was sent")
	}
	return nil
}

// onlyReader keeps io.Copy from splicing, which only kernel sockets do.
type onlyReader struct{ io.Reader }

func cork(c wire.Conn) error {
	k, ok := c.(*net.TCPConn)
	if !ok {
		return fmt.Errorf("TCP_CORK on a %T: %w", c, errors.ErrUnsupported)
	}
	raw, err := k.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 1)
	})
	return errors.Join(err, failed)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
