//go:build race

package suite

// Under the race detector all steps of all scripts take two minutes.
const everyStep = 6
