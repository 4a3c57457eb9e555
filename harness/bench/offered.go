package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// share is how much of a subject's own closed-loop rate it is offered.
const share = 0.6

// offered finds out how fast the clients get on when each waits for its connection
// to end, then begins connections at a fixed share of that rate, whether or not
// the ones before have ended, and measures each from when it was due.
func offered(r *run) (sample, error) {
	closed := *r
	closed.Windows, closed.Workers = 1, 16
	s, err := churn(&closed)
	if err != nil {
		return nil, err
	}
	rate := s["rate"] * share
	if rate < 1 {
		return s, nil
	}
	blocking(r.Workers)
	count := int(rate * (time.Duration(r.Windows) * r.Window).Seconds())
	times := make([]time.Duration, count)
	var failed failures
	begin := time.Now()
	each(r.Workers, count, func(n int, buf []byte) error {
		due := time.Duration(float64(n) / rate * float64(time.Second))
		sleep(due - time.Since(begin))
		if err := exchange(n, r.ClientFirst, buf); err != nil {
			return err
		}
		times[n] = time.Since(begin) - due
		return nil
	}, &failed)
	p50, p99 := percentiles(times)
	return sample{
		"made": s["made"] + float64(count) - float64(failed.n.Load()), "rate": rate,
		"failures": s["failures"] + float64(failed.n.Load()),
		"p50_ms":   p50.Seconds() * 1e3, "p99_ms": p99.Seconds() * 1e3,
	}, nil
}

// sleep blocks the thread: the runtime's timers are late by up to milliseconds where
// threads are busy.
func sleep(d time.Duration) {
	for d > 0 {
		left := unix.NsecToTimespec(d.Nanoseconds())
		if unix.Nanosleep(&left, &left) == nil {
			return
		}
		d = time.Duration(left.Nano())
	}
}
