package churn

import (
	"fmt"
	"time"
)

// timing is what the verdict has to know of a run's times, all since its start.
type timing struct {
	// overflow is when the first connection was begun that had to share a port;
	// 0 is never.
	overflow time.Duration
	end      time.Duration
	// life is how long TIME_WAIT lasts at whoever holds it.
	life time.Duration
}

// judge says what is not as the mode is expected to show; empty in a pass.
func (r *Result) judge(m Mode, t timing) string {
	for kind, n := range r.Failures {
		if kind != noPort {
			return fmt.Sprintf("%d of %d connections failed: %s", n, r.Attempted, kind)
		}
	}
	if why := r.judgeFirst(m, t); why != "" {
		return why
	}
	switch {
	case m.pool > 0 && r.Made != min(m.pool, r.Requests):
		return fmt.Sprintf("%d connections were made, expected %d", r.Made, m.pool)
	case r.Made == 0:
		return "no connection was made"
	}
	return r.judgeTimeWait(m, t)
}

// judgeFirst is about the first connection that found no port.
func (r *Result) judgeFirst(m Mode, t timing) string {
	switch {
	case !m.runsOut() && r.First != nil:
		return fmt.Sprintf("connection %d found no port, expected none to fail", *r.First)
	case !m.runsOut() || t.overflow == 0:
		return ""
	case r.First == nil && t.overflow < t.life:
		return fmt.Sprintf("%d connections found a port each, expected number %d to find none", r.Made, r.Ports+1)
	case r.First != nil && *r.First != r.Ports+1 && t.overflow < t.life:
		return fmt.Sprintf("connection %d was the first to find no port, expected number %d", *r.First, r.Ports+1)
	}
	return "" // as late as that, the first TIME_WAIT may have ended
}

// judgeTimeWait is about who has to wait. A run that outlasts TIME_WAIT leaves
// fewer than it made.
func (r *Result) judgeTimeWait(m Mode, t timing) string {
	holder, other := "client", "server"
	held, others := r.TimeWait.Client, r.TimeWait.Server
	if m.serverFirst {
		holder, other, held, others = other, holder, others, held
	}
	least := min(r.Made, r.Ports)
	switch {
	case t.end >= t.life:
		least = 0
	case m.serverFirst:
		least = 1 // which ports the client took again is its own affair
	}
	switch {
	case others > 0:
		return fmt.Sprintf("%d connections are in TIME_WAIT on the %s, expected none", others, other)
	case held < least || held > r.Ports:
		return fmt.Sprintf("%d connections are in TIME_WAIT on the %s, expected %d to %d", held, holder, least, min(r.Made, r.Ports))
	}
	return ""
}
