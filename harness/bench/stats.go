package bench

import (
	"math"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Spread is a quantity over the rounds.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	// Values are of the rounds, in their order.
	Values []float64 `json:"values"`
}

func spreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{Values: []float64{}}
	}
	return Spread{Median: median(values), Low: slices.Min(values), High: slices.Max(values), Values: values}
}

// median of some values; that of an even number is the mean of the two in the middle.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// percentiles are the 50th and the 99th. Zeros do not count: what failed took no time.
func percentiles(times []time.Duration) (p50, p99 time.Duration) {
	s := slices.DeleteFunc(slices.Clone(times), func(d time.Duration) bool { return d == 0 })
	if len(s) == 0 {
		return 0, 0
	}
	slices.Sort(s)
	at := func(p float64) time.Duration { return s[min(int(math.Ceil(p*float64(len(s))))-1, len(s)-1)] }
	return at(0.5), at(0.99)
}

// moreFiles raises the bound of open files as far as this process may.
func moreFiles() error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	l.Cur = l.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &l)
}
