//go:build !cgo

package privilege

// withCgo: psx leaves it to the Go runtime, which knows the threads.
const withCgo = false
