package middle

import (
	"context"
	"time"
)

// lull is how long a command that has ended is given to have its last words read.
const lull = 150 * time.Millisecond

// poll looks again and again until ok, for so long, or until ctx ends.
func poll(ctx context.Context, within time.Duration, ok func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ok()
		}
	}
	return true
}
