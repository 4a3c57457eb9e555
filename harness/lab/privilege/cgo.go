//go:build cgo

package privilege

// withCgo: psx looks for the threads in /proc, not in the Go runtime.
const withCgo = true
