package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"lastack/harness/bench/soak"
)

func parseRun(f *flag.FlagSet, args []string) (*command, error) {
	var cfg soak.Config
	minutes := f.Float64("minutes", 60, "how long connections are made; warm-up and settling come on top")
	f.IntVar(&cfg.Workers, "workers", 40, "connections at once")
	f.IntVar(&cfg.Forge, "forge", 200, "forged segments each second")
	f.IntVar(&cfg.Flood, "flood", 100, "SYNs each second from addresses where nobody is")
	f.Var(&cfg.Light, "light", "when connections are served light (lastack.light): never, always, or half of each phase")
	seedFlag(f, &cfg.Seed)
	if err := parseFlags(f, args); err != nil {
		return nil, err
	}
	cfg.Duration = time.Duration(*minutes * float64(time.Minute))
	if cfg.Duration < time.Second || cfg.Workers < 1 {
		return nil, &usageError{fmt.Errorf("-minutes and -workers must be positive")}
	}
	return &command{
		labs: [][]string{{"-seed", fmt.Sprint(cfg.Seed)}},
		run:  func(ctx context.Context) error { return run(ctx, cfg) },
	}, nil
}

// run soaks in a lab.
func run(ctx context.Context, cfg soak.Config) error {
	cfg.Log = func(format string, args ...any) { fmt.Fprintf(os.Stderr, "soak: "+format+"\n", args...) }
	cfg.Log("seed %d, %v, %d workers", cfg.Seed, cfg.Duration, cfg.Workers)
	r, err := soak.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if err := soak.WriteResult(os.Stdout, r); err != nil {
		return err
	}
	if len(r.Faults) > 0 {
		return errFailed
	}
	return nil
}
