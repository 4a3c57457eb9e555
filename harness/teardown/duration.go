package teardown

import (
	"strconv"
	"strings"
	"time"
)

// ms writes a time as people say it: "0.05 ms", "41.8 ms", "1.2 s".
func ms(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	switch {
	case d < 0:
		return "-" + ms(-d)
	case d < 5*time.Microsecond:
		return "under 0.01 ms"
	case d < time.Millisecond:
		return trimmed(v, 2) + " ms"
	case d < 100*time.Millisecond:
		return trimmed(v, 1) + " ms"
	case d < time.Second:
		return trimmed(v, 0) + " ms"
	}
	return trimmed(v/1000, 1) + " s"
}

// trimmed writes v with at most prec decimals.
func trimmed(v float64, prec int) string {
	s := strconv.FormatFloat(v, 'f', prec, 64)
	if prec == 0 {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// count writes "1 byte", "4,096 bytes".
func count(n uint64, noun string) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if n == 1 {
		return s + " " + noun
	}
	return s + " " + noun + "s"
}

// times writes "once", "twice", "3 times".
func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return strconv.Itoa(n) + " times"
}

// since is the time from one record to another. time.Time.Sub takes twice as long,
// because it saturates, which only matters here for a record without a time.
func since(from, to time.Time) time.Duration {
	seconds := to.Unix() - from.Unix()
	if seconds > maxSeconds || seconds < -maxSeconds {
		return to.Sub(from)
	}
	return time.Duration(seconds)*time.Second + time.Duration(to.Nanosecond()-from.Nanosecond())
}

const maxSeconds = 1 << 32
