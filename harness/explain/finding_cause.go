package explain

import "lastack/harness/teardown"

// The causes of resets that findings are about.
const (
	byRace = iota
	byHalfOpen
	byHit
	byLateData
	byForgotten
	byAbort
	byRefusal
	byIdle
	byMiddlebox
	byKeepAlive
	byUser
	byGaveUp
	nCauses
)

func causeIndex(k *fact) int {
	if k.Harmless {
		return -1
	}
	switch k.Cause {
	case teardown.CauseRace:
		return byRace
	case teardown.CauseStateGone:
		if micros(k.IdleUS) >= QuietAfter {
			return byHalfOpen
		}
	case teardown.CauseTimeWaitHit:
		return byHit
	case teardown.CauseDataAfterClose:
		if k.Stale && micros(k.IdleUS) >= StaleAfter {
			return byRace // the same, but later
		}
		return byLateData
	case teardown.CauseFinWait2:
		return byForgotten
	case teardown.CauseAbort:
		return byAbort
	case teardown.CauseRefused:
		return byRefusal
	case teardown.CauseIdle:
		return byIdle
	case teardown.CauseMiddlebox:
		return byMiddlebox
	case teardown.CauseKeepAlive:
		return byKeepAlive
	case teardown.CauseUser:
		return byUser
	case teardown.CauseGaveUp:
		return byGaveUp
	}
	return -1
}
