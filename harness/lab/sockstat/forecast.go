package sockstat

import (
	"math"
	"time"
)

// horizon is how far a forecast looks. Later trouble is not today's.
const horizon = 7 * 24 * time.Hour

// Outlook is what becomes of the ports toward a destination if it goes on.
type Outlook struct {
	// Settles is how many ports will be taken once as many leave TIME_WAIT as
	// come into it. It may be more than there are, which they never reach.
	Settles float64
	// RunsOut: there will be a moment with no port left, in In from now.
	RunsOut bool
	In      time.Duration
}

// Forecast tells when the ports run out if rate connections a second go on
// coming into TIME_WAIT and the live ones grow by growth a second.
//
// TIME_WAIT drains while it fills: the number of ports taken is
//
//	n(t) = live + growth*t + rate*min(t, hold) + those now in TIME_WAIT that are still there
//
// so that with a constant rate it tends to live + rate*hold, and the ports run
// out only if that is more than there are. When the ones that are there now
// leave is known from their ages, which is taken as even within each step.
func (d *Destination) Forecast(rate, growth float64) Outlook {
	rate, growth = max(rate, 0), max(growth, 0)
	hold := d.Hold().Seconds()
	ports := float64(d.Ports)
	o := Outlook{Settles: float64(d.Live) + rate*hold}
	n, step := float64(d.Taken()), hold/Steps
	if n >= ports {
		o.RunsOut = true
		return o
	}
	for k := range Steps {
		if step == 0 {
			break
		}
		slope := rate + growth - float64(d.Ages[Steps-1-k])/step
		// Exactly as many as there are is still enough; the sums are floats.
		if slope > 0 && n+slope*step > ports+1e-6 {
			o.runsOut(float64(k)*step + (ports-n)/slope)
			return o
		}
		n += slope * step
	}
	if growth > 0 {
		o.runsOut(hold + (ports-n)/growth)
	}
	return o
}

func (o *Outlook) runsOut(seconds float64) {
	if seconds > horizon.Seconds() {
		return
	}
	o.RunsOut = true
	o.In = time.Duration(math.Round(seconds*1e3)) * time.Millisecond
}
