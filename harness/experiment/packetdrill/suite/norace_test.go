//go:build !race

package suite

const everyStep = 1
