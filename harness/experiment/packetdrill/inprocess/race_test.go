//go:build race

package inprocess_test

// Under the race detector a goroutine that waits for a busy processor waits fifty times as
// long.
const rounds = 1
