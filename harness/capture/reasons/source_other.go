//go:build !linux

package reasons

import "errors"

// Source is the kernel of this machine, which has to be Linux.
type Source struct{}

// Open says that this is not Linux.
func Open() (*Source, error) { return nil, &UnavailableError{Err: errors.New("this is not Linux")} }

// Without says nothing: there is no Source.
func (*Source) Without() []error { return nil }

// Reasons are none.
func (*Source) Reasons() []string { return nil }

// Lost is none.
func (*Source) Lost() uint64 { return 0 }

// Of is nothing.
func (*Source) Of(Query) *Close { return nil }

// Close ends nothing.
func (*Source) Close() error { return nil }
