package explain

import (
	"fmt"
	"strconv"
	"time"
)

// Number writes "28,232".
func Number(n int) string { return number(n) }

func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count writes "1 packet", "28,232 packets".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

// were writes "1 packet was", "28,232 packets were".
func were(n int, noun string) string {
	if n == 1 {
		return count(n, noun) + " was"
	}
	return count(n, noun) + " were"
}

// brief writes a duration in at most five columns: "412us", "41ms", "5.0s".
func brief(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%dus", d.Microseconds())
	case d < 10*time.Millisecond:
		return short(float64(d)/float64(time.Millisecond)) + "ms"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return short(d.Seconds()) + "s"
	case d < 10*time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < 99*time.Minute:
		return fmt.Sprintf("%.0fmin", d.Minutes())
	case d < 10*time.Hour:
		return short(d.Hours()) + "h"
	}
	return fmt.Sprintf("%.0fh", d.Hours())
}

// short writes one decimal, "9.9" at most.
func short(v float64) string { return strconv.FormatFloat(min(v, 9.9), 'f', 1, 64) }

// long writes a duration as people say it: "41 ms", "5.0 s", "12 min", "3 h".
func long(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2g ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	if d < 48*time.Hour {
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

// ofThem writes "1 connection has", "12 connections have", after a number of them.
func ofThem(n int) string {
	if n == 1 {
		return "1 connection has"
	}
	return count(n, "connection") + " have"
}

// there writes "there is 1 gap", "there are 2 gaps", or that these are not all.
func there(n int, noun string, all bool) string {
	switch {
	case !all:
		return "there are at least " + count(n, noun)
	case n == 1:
		return "there is 1 " + noun
	}
	return "there are " + count(n, noun)
}
