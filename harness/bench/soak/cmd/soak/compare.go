package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"

	"lastack/harness/bench/soak"
	"lastack/harness/lab"
)

// comparison is the command compare.
type comparison struct {
	soak.Comparison
	subject string // in a lab
}

func parseCompare(f *flag.FlagSet, args []string) (*command, error) {
	c := &comparison{Comparison: soak.DefaultComparison(0)}
	f.StringVar(&c.subject, "subject", "", "for the lab's own use")
	seedFlag(f, &c.Seed)
	f.Float64Var(&c.Loss, "loss", c.Loss, "share of the packets that is lost, each way")
	f.Float64Var(&c.Duplicate, "duplicate", c.Duplicate, "share of the packets that comes twice")
	f.Float64Var(&c.Reorder, "reorder", c.Reorder, "share of the packets that comes late")
	f.DurationVar(&c.Delay, "delay", c.Delay, "how long every packet takes")
	f.IntVar(&c.Workers, "workers", c.Workers, "connections at once")
	f.DurationVar(&c.Duration, "duration", c.Duration, "for how long connections begin, below 40s")
	if err := parseFlags(f, args); err != nil {
		return nil, err
	}
	return &command{outsideLab: c.both, run: c.run}, nil
}

// both compares the subjects, each in a lab of its own.
func (c *comparison) both() error {
	var got [2]soak.Compared
	for i, s := range []string{soak.Kernel, soak.Lastack} {
		var out bytes.Buffer
		args := append(append([]string{}, os.Args[1:]...), "-subject", s, "-seed", strconv.FormatUint(c.Seed, 10))
		code, err := lab.Reexec(context.Background(), lab.Options{Args: args, Stdout: &out})
		if err != nil {
			return err
		}
		if code != 0 {
			return fmt.Errorf("%s: exit status %d", s, code)
		}
		if err := json.Unmarshal(out.Bytes(), &got[i]); err != nil {
			return err
		}
		if err := soak.WriteCompared(os.Stdout, &got[i]); err != nil {
			return err
		}
	}
	kernel, lastack := &got[0], &got[1]
	_, err := fmt.Printf("seed %d: lastack carried %.2f times as many connections through as the kernel in the same time\n",
		c.Seed, float64(lastack.Clients.Made)/float64(kernel.Clients.Made))
	if err == nil && len(kernel.Faults)+len(lastack.Faults) > 0 {
		err = errFailed
	}
	return err
}

// run compares the one subject in its lab.
func (c *comparison) run(ctx context.Context) error {
	r, err := soak.Compare(ctx, c.subject, c.Comparison)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
