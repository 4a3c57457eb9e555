package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"lastack/harness/bench/soak"
)

// measurement is the command measure.
type measurement struct {
	soak.Measurement
	what    string
	subject string
	json    bool
}

func parseMeasure(f *flag.FlagSet, args []string) (*command, error) {
	if len(args) == 0 || (args[0] != "loss" && args[0] != "busy") {
		return nil, &usageError{fmt.Errorf("measure loss or measure busy?")}
	}
	m := &measurement{what: args[0]}
	f.StringVar(&m.subject, "subject", strings.Join(soak.Subjects(), ","), "whose host is measured: `NAME,...`")
	seedFlag(f, &m.Seed)
	f.IntVar(&m.Percent, "loss", 20, "percent of what the host sends is lost (loss)")
	f.IntVar(&m.Workers, "workers", 0, "connections at once (loss; 40), or busy loops (busy; processors + 1)")
	f.Int64Var(&m.Count, "count", 40, "how many transfers of 8 MiB (busy)")
	f.DurationVar(&m.Duration, "duration", 30*time.Second, "for how long connections begin (loss)")
	f.DurationVar(&m.Grace, "grace", 45*time.Second, "how long they may take beyond that (loss)")
	f.BoolVar(&m.Plain, "plain-runtime", false, "leave GOMAXPROCS and GOGC as Go sets them, not as lastack serve does")
	f.BoolVar(&m.json, "json", false, "print one JSON document for each subject")
	if err := parseFlags(f, args[1:]); err != nil {
		return nil, err
	}
	c := &command{run: m.run}
	for _, s := range strings.Split(m.subject, ",") {
		if !slices.Contains(soak.Subjects(), s) {
			return nil, &usageError{fmt.Errorf("there is no subject %q; there are %v", s, soak.Subjects())}
		}
		c.labs = append(c.labs, []string{"-subject", s, "-seed", fmt.Sprint(m.Seed)})
	}
	return c, nil
}

// run measures the one subject that is left in a lab.
func (m *measurement) run(ctx context.Context) error {
	last := time.Now()
	m.Progress = func(s *soak.Clients) {
		if time.Since(last) > 10*time.Second {
			last = time.Now()
			fmt.Fprintf(os.Stderr, "%s: %d begun, %d made, %d stalled\n", m.subject, s.Begun, s.Made, s.Stalled)
		}
	}
	measure := soak.MeasureLoss
	if m.what == "busy" {
		measure = soak.MeasureBusy
	}
	r, err := measure(ctx, m.subject, m.Measurement)
	if err != nil {
		return err
	}
	if m.json {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	return soak.WriteMeasured(os.Stdout, r)
}
