// Command soak loads a host on a bad wire and says what is left over.
//
//	soak measure loss|busy [-subject NAME,...]   how many connections get stuck
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"lastack/harness/lab"
	"lastack/harness/soak"
)

// usageError is a mistake on the command line.
type usageError struct{ error }

const usageText = `usage: soak measure loss|busy [flags]; "soak measure loss -h" lists the flags`

// command is a command line, understood.
type command struct {
	name string
	// subjects are carried out one after the other, each in a lab of its own.
	subjects []string
	measure  soak.Measurement
	json     bool
}

func parse(args []string) (*command, error) {
	if len(args) < 2 || args[0] != "measure" || (args[1] != "loss" && args[1] != "busy") {
		return nil, &usageError{fmt.Errorf("%s", usageText)}
	}
	c := &command{name: args[1]}
	f := flag.NewFlagSet("soak measure "+args[1], flag.ContinueOnError)
	subjects := f.String("subject", strings.Join(soak.Subjects(), ","), "whose host is measured: `NAME,...`")
	f.Uint64Var(&c.measure.Seed, "seed", uint64(time.Now().UnixNano()), "of sizes and contents; netfilter's losses have none")
	f.IntVar(&c.measure.Percent, "loss", 20, "percent of what the host sends is lost (loss)")
	f.IntVar(&c.measure.Workers, "workers", 0, "connections at once (loss; 40), or busy loops (busy; processors + 1)")
	f.Int64Var(&c.measure.Count, "count", 40, "how many transfers of 8 MiB (busy)")
	f.DurationVar(&c.measure.Duration, "duration", 30*time.Second, "for how long connections begin (loss)")
	f.DurationVar(&c.measure.Grace, "grace", 45*time.Second, "how long they may take beyond that (loss)")
	f.BoolVar(&c.measure.Plain, "plain-runtime", false, "leave GOMAXPROCS and GOGC as Go sets them, not as lastack serve does")
	f.BoolVar(&c.json, "json", false, "print one JSON document for each subject")
	if err := f.Parse(args[2:]); err != nil {
		return nil, &usageError{err}
	}
	c.subjects = strings.Split(*subjects, ",")
	return c, nil
}

// outside carries the command out in a lab for each subject.
func (c *command) outside() int {
	worst := 0
	for _, s := range c.subjects {
		args := append(append([]string{}, os.Args[1:]...), "-subject", s, "-seed", fmt.Sprint(c.measure.Seed))
		code, err := lab.Reexec(context.Background(), lab.Options{Args: args})
		if err != nil {
			code = report(err)
		}
		worst = max(worst, code)
	}
	return worst
}

// inside measures the one subject that is left.
func (c *command) inside(ctx context.Context) error {
	c.measure.Progress = func(s *soak.Clients) {
		if s.Begun%50 == 0 {
			fmt.Fprintf(os.Stderr, "%s: %d begun, %d made, %d stalled\n", c.subjects[0], s.Begun, s.Made, s.Stalled)
		}
	}
	run := soak.MeasureLoss
	if c.name == "busy" {
		run = soak.MeasureBusy
	}
	m, err := run(ctx, c.subjects[0], c.measure)
	if err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(os.Stdout).Encode(m)
	}
	return soak.WriteMeasured(os.Stdout, m)
}
