package experiment

import (
	"context"
	"time"

	"lastack/harness/teardown"
)

// straggle bounds how long retrace waits for segments that the witness has seen and
// lastack not yet: the kernel has queued them for the TUN's reader.
const straggle = 500 * time.Millisecond

// retrace takes the connection from lastack's own account of it, and holds that against
// the capture, which has just finished. Segments may follow the end of a connection (a
// FIN again and its ACK), so retrace waits for those that the witness still saw, and
// leaves out what came after.
func (a *attempt) retrace(ctx context.Context) {
	if len(a.watch.pairs()) != 1 {
		return // as the verdict will say
	}
	finished := time.Now()
	ctx, cancel := context.WithTimeout(ctx, straggle)
	defer cancel()
	theirs := merge(a.watch.packets, nil)
	a.watch.retell(theirs)
	var own []teardown.Record
	_, _ = poll(ctx, lookEvery, func() (bool, error) {
		for _, item := range a.ground.hits.trace.Take() {
			if item.Time.Before(finished.Add(time.Millisecond)) {
				own = append(own, item.Record())
			}
		}
		a.watch.retell(own)
		d := teardown.Compare(own, theirs)
		a.seen.compared = &d
		return d.OnlyB == 0, nil
	})
}
