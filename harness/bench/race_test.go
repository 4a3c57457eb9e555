//go:build race

package bench

// The race detector takes many times the memory and the processor time.
const manyIdle = 4000
