package bench

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Report is what was measured.
type Report struct {
	Machine Machine  `json:"machine"`
	Quick   bool     `json:"quick"`
	Cases   []Result `json:"cases"`
	// Interrupted: the work was interrupted, and the rest of the cases is missing.
	Interrupted bool `json:"interrupted,omitempty"`
}

// Machine is where it was measured.
type Machine struct {
	Kernel string `json:"kernel"`
	CPUs   int    `json:"cpus"`
	Go     string `json:"go"`
}

// Result is a case's outcome.
type Result struct {
	Name  string `json:"name"`
	Group string `json:"group"`
	Title string `json:"title"`
	// Rounds are those that count; Dropped ones did not, as the machine's speed moved.
	Rounds  int `json:"rounds"`
	Dropped int `json:"dropped"`
	// Goals come first: ratios are what can be compared between machines.
	Goals    []Goal          `json:"goals"`
	Subjects []SubjectResult `json:"subjects"`
}

// Goal is a claim and what became of it.
type Goal struct {
	Metric string `json:"metric"`
	Of     string `json:"of"`
	// To is the subject that Of is divided by in each round; none if it is empty.
	To     string  `json:"to,omitempty"`
	Value  Spread  `json:"value"`
	Goal   float64 `json:"goal"`
	AtMost bool    `json:"at_most"`
	Met    bool    `json:"met"`
}

// SubjectResult is what one subject came to in a case.
type SubjectResult struct {
	Name    string           `json:"name"`
	About   string           `json:"about"`
	Metrics map[string]Value `json:"metrics"`
	// Failures counts connections that failed, in all rounds.
	Failures int `json:"failures"`
}

// Value is a metric with its unit.
type Value struct {
	Spread
	Unit string `json:"unit"`
}

// Failed tells which connections failed, if any did. Goals do not count: they depend
// on the machine.
func (r *Report) Failed() (string, bool) {
	for i := range r.Cases {
		for _, s := range r.Cases[i].Subjects {
			if s.Failures > 0 {
				return fmt.Sprintf("%s: %d connections to %s failed", r.Cases[i].Name, s.Failures, s.Name), true
			}
		}
	}
	return "", false
}

func newReport(quick bool) *Report {
	r := &Report{Quick: quick, Machine: Machine{CPUs: runtime.NumCPU(), Go: runtime.Version()}, Cases: []Result{}}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		r.Machine.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	return r
}

// settle makes a result of the rounds that count.
func settle(k *Case, kept []round, dropped int) *Result {
	res := &Result{
		Name: k.Name, Group: k.Group, Title: k.Title, Rounds: len(kept), Dropped: dropped, Goals: []Goal{},
	}
	for _, name := range k.subjects {
		s := SubjectResult{Name: name, Metrics: map[string]Value{}}
		if known, err := find(name); err == nil {
			s.About = known.about
		}
		for _, m := range k.metrics {
			s.Metrics[m.key] = Value{Spread: spreadOf(column(kept, name, m.key)), Unit: m.unit}
		}
		for _, f := range column(kept, name, "failures") {
			s.Failures += int(f)
		}
		res.Subjects = append(res.Subjects, s)
	}
	for _, c := range k.claims {
		res.Goals = append(res.Goals, judge(c, kept))
	}
	return res
}

// column is a subject's metric in each round.
func column(rounds []round, subject, key string) []float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = r.samples[subject][key]
	}
	return values
}

// judge compares in each round for itself, so that what the machine did meanwhile is
// in both halves of a ratio, and takes the median of the rounds.
func judge(c claim, rounds []round) Goal {
	values := column(rounds, c.of, c.key)
	if c.to != "" {
		ratios := []float64{}
		for i, base := range column(rounds, c.to, c.key) {
			if base > 0 {
				ratios = append(ratios, values[i]/base)
			}
		}
		values = ratios
	}
	g := Goal{Metric: c.key, Of: c.of, To: c.to, Value: spreadOf(values), Goal: c.goal, AtMost: c.atMost}
	if len(values) > 0 {
		g.Met = g.Value.Median >= c.goal
		if c.atMost {
			g.Met = g.Value.Median <= c.goal
		}
	}
	return g
}
