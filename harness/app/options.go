package app

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"lastack/harness/term"
)

// Bounds of what an option, or a path of the http kind, may ask for.
const (
	// maxDelay outlasts every timer of a close (TIME_WAIT, FIN_WAIT_2, and the
	// 108 s Linux spends on a FIN that is never acknowledged).
	maxDelay = time.Hour
	maxBytes = 1 << 30
)

// options is the set of options one kind declares, in the manner of package flag:
// the constructor asks for a pointer, and the pointer holds the value by the time
// the first connection arrives.
type options struct {
	list []option
}

type option struct {
	name string
	doc  string
	def  string
	set  func(value string) error
	get  func() string // the value as it is, in one spelling
}

// delay declares an option that is a duration from 0 to maxDelay.
func (o *options) delay(name string, def time.Duration, doc string) *time.Duration {
	return declare(o, name, doc, def, def.String(), parseDelay)
}

// bytes declares an option that is a number of bytes from 0 to maxBytes.
func (o *options) bytes(name string, def int64, doc string) *int64 {
	return declare(o, name, doc, def, strconv.FormatInt(def, 10), parseBytes)
}

// choice declares an option that is one of a few words.
func (o *options) choice(name, def, doc string, words ...string) *string {
	return declare(o, name, doc, def, def, func(text string) (string, error) {
		if slices.Contains(words, text) {
			return text, nil
		}
		return "", unknown(text, "values", words)
	})
}

func declare[T any](o *options, name, doc string, def T, defText string, parse func(string) (T, error)) *T {
	v := &def
	o.list = append(o.list, option{name: name, doc: doc, def: defText, set: func(text string) error {
		parsed, err := parse(text)
		if err != nil {
			return err
		}
		*v = parsed
		return nil
	}, get: func() string { return fmt.Sprint(*v) }})
	return v
}

// set gives the option called name a value.
func (o *options) set(kind, name, value string) error {
	names := make([]string, 0, len(o.list))
	for _, opt := range o.list {
		if opt.name == name {
			if err := opt.set(value); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		}
		names = append(names, opt.name)
	}
	return unknown(name, "options of "+kind, names)
}

// parseDelay reads a whole number of milliseconds, or a Go duration.
func parseDelay(text string) (time.Duration, error) {
	if ms, err := strconv.ParseUint(text, 10, 63); err == nil {
		if ms <= uint64(maxDelay/time.Millisecond) {
			return time.Duration(ms) * time.Millisecond, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d >= 0 && d <= maxDelay {
		return d, nil
	}
	return 0, fmt.Errorf("%s is not a delay from 0 to %v: want milliseconds such as 300, or a duration such as 300ms or 1.5s",
		term.Excerpt(text), maxDelay)
}

// parseBytes reads a number of bytes.
func parseBytes(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n > maxBytes {
		return 0, fmt.Errorf("%s is not a number of bytes from 0 to %d: want digits only, such as 4096", term.Excerpt(text), int64(maxBytes))
	}
	return int64(n), nil
}
