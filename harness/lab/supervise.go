package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// sameRequest is how close two signals must be to count as one. timeout(1)
	// signals the process and then its group, so one request arrives twice;
	// a hand on a keyboard is slower.
	sameRequest = 250 * time.Millisecond
	// sameMoment is how long a signal may trail the end of a context it caused.
	sameMoment = 10 * time.Millisecond
	// catchLimit bounds the wait for a young child to install its handlers.
	catchLimit   = 2 * time.Second
	defaultGrace = 5 * time.Second
)

// supervisor stands between the signals of the parent and the lab's child.
type supervisor struct {
	grace   time.Duration
	signals chan os.Signal
	sent    syscall.Signal // the first signal passed on; 0 before that
	sentAt  time.Time      // when it arrived
}

// newSupervisor begins to collect signals, so that none that comes while the
// child is being started ends the parent alone.
func newSupervisor(o Options) *supervisor {
	s := &supervisor{grace: o.Grace, signals: make(chan os.Signal, 8)}
	if s.grace == 0 {
		s.grace = defaultGrace
	}
	if o.LeaveSignals {
		return s
	}
	for _, sig := range []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT} {
		// A shell ignores SIGINT for what it starts in the background, nohup ignores
		// SIGHUP; to listen would undo their wish.
		if !signal.Ignored(sig) {
			signal.Notify(s.signals, sig)
		}
	}
	return s
}

func (s *supervisor) close() { signal.Stop(s.signals) }

// wait returns when the child has ended.
func (s *supervisor) wait(ctx context.Context, cmd *exec.Cmd, done <-chan error) (int, error) {
	var kill <-chan time.Time
	var stopped error
	ctxDone := ctx.Done()
	for {
		select {
		case err := <-done:
			return s.status(cmd, err, stopped)
		case sig := <-s.signals:
			s.pass(cmd.Process, sig.(syscall.Signal))
		case <-ctxDone:
			ctxDone = nil
			stopped = fmt.Errorf("lab: stopped: %w", context.Cause(ctx))
			s.stop(cmd.Process)
			timer := time.NewTimer(s.grace)
			defer timer.Stop()
			kill = timer.C
		case <-kill:
			kill = nil
			_ = cmd.Process.Kill() // an error means that it has ended
		}
	}
}

// stop asks the child to end because the context is done. A context made with
// signal.NotifyContext is done by a signal that arrives here too: that is one
// request, not two, and the signal says more than SIGTERM would.
func (s *supervisor) stop(p *os.Process) {
	if s.sent != 0 {
		return
	}
	timer := time.NewTimer(sameMoment)
	defer timer.Stop()
	sig := unix.SIGTERM
	select {
	case got := <-s.signals:
		sig = got.(syscall.Signal)
	case <-timer.C:
	}
	s.deliver(p, sig)
}

// pass hands one signal to the child, or kills it if this is the second request
// to end. SIGQUIT asks a Go program for its goroutines and is no such request.
func (s *supervisor) pass(p *os.Process, sig syscall.Signal) {
	switch {
	case sig == unix.SIGQUIT:
		s.deliver(p, sig)
	case s.sent == 0:
		s.deliver(p, sig)
	case time.Since(s.sentAt) < sameRequest:
	default:
		_ = p.Kill() // an error means that it has ended
	}
}

// deliver sends sig once the child handles or ignores it. PID 1 is shielded from
// default actions, so a signal that came before the Go runtime had installed its
// handlers would be lost without a trace.
func (s *supervisor) deliver(p *os.Process, sig syscall.Signal) {
	if s.sent == 0 {
		s.sent, s.sentAt = sig, time.Now()
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(catchLimit); time.Now().Before(deadline); <-tick.C {
		ready, err := handles(p.Pid, sig)
		if ready || err != nil { // an error: it has ended
			break
		}
	}
	_ = p.Signal(sig) // an error means that it has ended, which wait will see
}

// handles reports whether the process catches or ignores sig.
func handles(pid int, sig syscall.Signal) (bool, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return false, err
	}
	var mask uint64
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		if name == "SigCgt" || name == "SigIgn" {
			m, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			if err != nil {
				return false, fmt.Errorf("lab: signal mask of process %d: %w", pid, err)
			}
			mask |= m
		}
	}
	return mask&(1<<(uint(sig)-1)) != 0, nil
}

// goFatal is the status of a Go program that dies by a signal it does not
// handle when the kernel will not let the signal's default action end it.
const goFatal = 2

// status turns the child's end into Reexec's result.
func (s *supervisor) status(cmd *exec.Cmd, waitErr, stopped error) (int, error) {
	if cmd.ProcessState == nil {
		return 1, fmt.Errorf("lab: waiting for the lab: %w", waitErr)
	}
	ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
	code := ws.ExitStatus()
	switch {
	case ws.Signaled():
		code = 128 + int(ws.Signal())
	case code == goFatal && s.sent != 0:
		// PID 1 cannot die of SIGINT. The Go runtime tries, then exits with 2.
		code = 128 + int(s.sent)
	}
	var exit *exec.ExitError
	if stopped == nil && waitErr != nil && !errors.As(waitErr, &exit) {
		return code, fmt.Errorf("lab: passing on the lab's output: %w", waitErr)
	}
	return code, stopped
}
