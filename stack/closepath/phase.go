package closepath

import "lastack/stack/segment"

// Phase is what becomes of a connection when the close path no longer follows it.
type Phase uint8

const (
	// Gone: nothing is left of it: closed, reset, or its TIME_WAIT is over.
	Gone Phase = iota
	// Waiting: it is in TIME_WAIT.
	Waiting
)

// tell reports a phase to Config.Phase, and to the stage that counts.
func (e *Endpoint) tell(t segment.Tuple, p Phase) {
	if p == Gone {
		e.impair.forget(t)
		e.reserved.over(t)
	}
	if e.phase != nil {
		e.phase(t, p)
	}
}
