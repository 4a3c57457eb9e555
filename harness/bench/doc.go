// Package bench measures lastack beside what it is compared with, always in one
// run, alternating, in a lab of its own: the machine's speed drifts, so only
// ratios taken side by side mean anything.
//
//	go test -run '^$' -bench Churn -benchtime 5x ./harness/bench
//	go test -run '^$' -bench Sustained -benchtime 1x ./harness/bench
//
// Each round starts a fresh TUN and a fresh stack for each variant, and has
// kernel clients in another process connect, exchange 64 bytes each way and see
// the server close first, as fast as they can: for two seconds, or for half a
// minute in windows of five seconds, while TIME_WAIT fills.
//
// MeasureTimeWait measures the table of TIME_WAIT by itself, for lastack bench time-wait.
package bench
