package suite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"lastack/harness/experiment/packetdrill"
)

// TestJobs: scripts run side by side, and their results come in the files' order.
func TestJobs(t *testing.T) {
	var pairs []string
	for i := range 8 {
		pairs = append(pairs, fmt.Sprint(i), opened)
	}
	var running atomic.Int32
	together := make(chan struct{})
	meet := func(ctx context.Context, a packetdrill.Addresses) (packetdrill.Subject, error) {
		if running.Add(1) == 4 {
			close(together)
		}
		select {
		case <-together:
			return subject(ctx, a)
		case <-time.After(time.Minute):
			return nil, errors.New("four scripts never ran at a time")
		}
	}
	var order []string
	all, err := Run(t.Context(), files(t, pairs...), Config{Subject: meet, Jobs: 4, Done: func(r *Result) { order = append(order, filepath.Base(r.File)) }})
	if err != nil || len(all) != 8 {
		t.Fatal(len(all), err)
	}
	for i, name := range order {
		if want := fmt.Sprintf("%d.pkt", i); name != want || filepath.Base(all[i].File) != want || all[i].Verdict != Pass {
			t.Errorf("number %d is %s: %+v", i, name, all[i])
		}
	}
}

// TestJobsEnd: the first subject that cannot be made ends the run, whatever else runs.
func TestJobsEnd(t *testing.T) {
	broken := errors.New("broken")
	list := files(t, "a", opened, "b", opened, "c", opened)
	_, err := Run(t.Context(), list, Config{Jobs: 2, Subject: func(context.Context, packetdrill.Addresses) (packetdrill.Subject, error) {
		return nil, broken
	}})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(over, list, Config{Jobs: 2, Subject: subject}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// late is a subject whose first call fails.
type late struct{ packetdrill.Subject }

func (l *late) Result(context.Context, time.Duration) (*packetdrill.Result, error) {
	return &packetdrill.Result{Return: -1, Errno: "EIO"}, nil
}

// TestTries: what fails is tried again, as often as is said, and the result tells.
func TestTries(t *testing.T) {
	made := 0
	flaky := func(ctx context.Context, a packetdrill.Addresses) (packetdrill.Subject, error) {
		made++
		s, err := subject(ctx, a)
		if made < 3 {
			s = &late{s}
		}
		return s, err
	}
	list := files(t, "a", opened)
	for _, c := range []struct {
		tries, made int
		verdict     string
	}{{5, 3, Pass}, {2, 2, Fail}, {0, 1, Fail}} {
		made = 0
		all, err := Run(t.Context(), list, Config{Subject: flaky, Tries: c.tries})
		if err != nil || all[0].Verdict != c.verdict || made != c.made || c.made > 1 && all[0].Tries != c.made {
			t.Errorf("%d tries: %+v, %d subjects, %v", c.tries, all[0], made, err)
		}
	}
}

// TestLongScriptsAreTriedOnce: who is late by milliseconds is so in short ones.
func TestLongScriptsAreTriedOnce(t *testing.T) {
	all, err := Run(t.Context(), files(t, "a", opened+"+0 > F. 1:1(0) ack 1\n+0 < . 1:1(0) ack 2 win 9\n+30 > . 9:9(0) ack 1\n"), Config{Subject: subject, Tries: 3})
	if err != nil || all[0].Verdict != Fail || all[0].Tries != 0 {
		t.Errorf("%+v, %v", all[0], err)
	}
}
