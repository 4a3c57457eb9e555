package experiment

import "fmt"

// Words of Expect about a load.
const (
	anyClose = "any"
	timeWait = "TIME_WAIT"
	runsOut  = "after the last"
)

// JudgeLoad compares what a load came to with what is expected; empty in a pass.
func (e *Experiment) JudgeLoad(l *Loaded) string {
	for kind, n := range l.Failures {
		if kind != NoPort {
			return fmt.Sprintf("%d of %d connections failed: %s", n, l.Attempted, kind)
		}
	}
	if why := e.Expect.judgeFirst(l); why != "" {
		return why
	}
	switch pool := e.Load.Pool; {
	case pool > 0 && l.Made != min(pool, l.Requests):
		return fmt.Sprintf("%d connections were made, expected %d", l.Made, pool)
	case l.Made == 0:
		return "no connection was made"
	}
	return e.Expect.judgeTimeWaits(l)
}

// judgeFirst is about the first connection that found no port.
func (x *Expect) judgeFirst(l *Loaded) string {
	switch out := x.NoPort == runsOut; {
	case !out && l.First != nil:
		return fmt.Sprintf("connection %d found no port, expected none to fail", *l.First)
	case !out || l.Overflow == 0 || l.Overflow >= l.Life:
		return "" // as late as that, the first TIME_WAIT may have ended
	case l.First == nil:
		return fmt.Sprintf("%d connections found a port each, expected number %d to find none", l.Made, l.Ports+1)
	case *l.First != l.Ports+1:
		return fmt.Sprintf("connection %d was the first to find no port, expected number %d", *l.First, l.Ports+1)
	}
	return ""
}

// judgeTimeWaits is about who has to wait. A run that outlasts TIME_WAIT leaves
// fewer than it made.
func (x *Expect) judgeTimeWaits(l *Loaded) string {
	for _, side := range []struct {
		name, state string
		held, least int
	}{
		{"client", x.States.Client, l.TimeWait.Client, min(l.Made, l.Ports)},
		{"server", x.States.Server, l.TimeWait.Server, 1}, // which ports the client took again is its own affair
	} {
		if l.Seconds >= l.Life.Seconds() {
			side.least = 0
		}
		switch {
		case side.state == anyState:
		case side.state != timeWait && side.held > 0:
			return fmt.Sprintf("%d connections are in TIME_WAIT on the %s, expected none", side.held, side.name)
		case side.state == timeWait && (side.held < side.least || side.held > l.Ports):
			return fmt.Sprintf("%d connections are in TIME_WAIT on the %s, expected %d to %d", side.held, side.name, side.least, min(l.Made, l.Ports))
		}
	}
	return ""
}
