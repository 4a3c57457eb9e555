package sockstat

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 0, "seed of the random forecasts (0: a new one)")

// steady has r connections a second in TIME_WAIT of every age, of 60 seconds.
func steady(r, live int) Destination {
	d := Destination{Ports: 28_232, Live: live, HoldMS: 60_000}
	for i := range d.Ages {
		d.Ages[i] = r
	}
	return d
}

// lately has r a second for the last seconds only.
func lately(r, live, seconds int) Destination {
	d := steady(0, live)
	for i := range seconds {
		d.Ages[i] = r
	}
	return d
}

func TestForecast(t *testing.T) {
	const never = time.Duration(-1)
	for name, tt := range map[string]struct {
		d            Destination
		rate, growth float64
		settles      float64
		in           time.Duration
	}{
		"nothing":                           {steady(0, 0), 0, 0, 0, never},
		"steady, far below":                 {steady(100, 10), 100, 0, 6010, never},
		"steady, the most that is possible": {steady(470, 0), 470, 0, 28_200, never},
		"from nothing, 470 a second":        {steady(0, 0), 470, 0, 28_200, never},
		"from nothing, 471 a second":        {steady(0, 0), 471, 0, 28_260, 59_941 * time.Millisecond},
		"from nothing, 1000 a second":       {steady(0, 0), 1000, 0, 60_000, 28_232 * time.Millisecond},
		"10 s into 1000 a second":           {lately(1000, 0, 10), 1000, 0, 60_000, 18_232 * time.Millisecond},
		// The naive forecast divides 27,632 by 100 and warns of 276 s.
		"10 s into 100 a second":        {lately(100, 0, 10), 100, 0, 6000, never},
		"steady at 400, then 500":       {steady(400, 0), 500, 0, 30_000, 42_320 * time.Millisecond},
		"steady at 470, then nothing":   {steady(470, 0), 0, 0, 0, never},
		"none left":                     {steady(0, 28_232), 0, 0, 28_232, 0},
		"exactly as many as there are":  {steady(0, 28_232-60*100), 100, 0, 28_232, never},
		"live ones leak":                {steady(0, 1000), 0, 100, 1000, 272_320 * time.Millisecond},
		"live ones leak beside a drain": {steady(100, 0), 100, 10, 6000, 2223_200 * time.Millisecond},
		"a leak beyond the horizon":     {steady(0, 0), 0, 0.01, 0, never},
		"live ones get fewer":           {steady(0, 1000), 0, -5, 1000, never},
	} {
		o := tt.d.Forecast(tt.rate, tt.growth)
		if o.Settles != tt.settles {
			t.Errorf("%s: settles at %v, want %v", name, o.Settles, tt.settles)
		}
		if o.RunsOut != (tt.in >= 0) || o.RunsOut && (o.In-tt.in).Abs() > 2*time.Millisecond {
			t.Errorf("%s: %+v, want %v", name, o, tt.in)
		}
	}
	// With tcp_tw_reuse a port is held for a second instead of a minute.
	reuse := Destination{Ports: 28_232, HoldMS: 1000}
	if o := reuse.Forecast(10_000, 0); o.RunsOut || o.Settles != 10_000 {
		t.Errorf("reuse at 10,000 a second: %+v", o)
	}
	if o := reuse.Forecast(30_000, 0); !o.RunsOut {
		t.Errorf("reuse at 30,000 a second: %+v", o)
	}
}

// TestForecastAgainstCounting: the closed form against following every
// connection, in steps of 20 milliseconds.
func TestForecastAgainstCounting(t *testing.T) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("repeat with -seed %d", s)
	rnd := rand.New(rand.NewPCG(s, 0))
	outcomes := map[bool]int{}
	for range 300 {
		d := Destination{Ports: 1000 + rnd.IntN(2000), Live: rnd.IntN(500), HoldMS: 60_000}
		for i := range d.Ages {
			d.Ages[i] = rnd.IntN(30)
		}
		rate, growth := 50*rnd.Float64(), float64(rnd.IntN(2))*(5+20*rnd.Float64())
		got := d.Forecast(rate, growth)
		want, runsOut := count(&d, rate, growth)
		outcomes[runsOut]++
		if got.RunsOut != runsOut || runsOut && math.Abs(got.In.Seconds()-want) > 0.05 {
			t.Errorf("rate %.2f, growth %.2f, %+v: forecast %+v, counted %.2f s, %v", rate, growth, d, got, want, runsOut)
		}
	}
	if outcomes[true] < 20 || outcomes[false] < 20 {
		t.Errorf("outcomes %v are too much alike to test anything", outcomes)
	}
}

// count follows n(t) for as long as it can still grow.
func count(d *Destination, rate, growth float64) (at float64, runsOut bool) {
	const dt = 0.02
	for i := range 100_000 {
		at = float64(i) * dt
		n := float64(d.Live) + growth*at + rate*min(at, 60)
		for k, c := range d.Ages[:max(0, min(Steps, Steps-int(at)))] {
			// Of this step, the part that is older than 60 - at has left.
			staying := min(max(60-at-float64(k), 0), 1)
			n += float64(c) * staying
		}
		if n > float64(d.Ports) || i == 0 && n == float64(d.Ports) {
			return at, true
		}
		if at > 60 && growth == 0 {
			break
		}
	}
	return 0, false
}
