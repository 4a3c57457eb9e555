//go:build !race

package bench

const manyIdle = 100_000
