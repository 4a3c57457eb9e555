package experiment

import (
	"context"
	"time"
)

// poll calls done every so often until it says so, fails, or ctx ends, and then
// once more.
func poll(ctx context.Context, every time.Duration, done func() (bool, error)) (bool, error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		over := ctx.Err() != nil
		ok, err := done()
		if ok || err != nil || over {
			return ok, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
