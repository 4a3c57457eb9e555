package programs

import (
	"context"
	"fmt"

	"lastack/harness/lab/wire"
)

// Config says how a trial is made. The zero value makes a short one with the
// kernel's sockets.
type Config struct {
	// Lastack makes lastack what the clients talk to; only Pools can.
	Lastack bool
	// Slow takes the times in full that are shortened otherwise: two minutes.
	Slow bool
	// Settings are made on what the clients talk to, by name; only Pools can have any.
	Settings map[string]string
}

// Reason is why the trial cannot be made so; empty if it can.
func (t Trial) Reason(cfg Config) string {
	switch {
	case t == Pools:
	case cfg.Lastack:
		return "the programs that do it use the kernel's sockets"
	case len(cfg.Settings) > 0:
		return "nothing is set for the programs that do it; run it without -w"
	}
	return ""
}

// Run makes a trial. An error means that it could not go on; what is not installed is
// no error but is in Result.Skipped.
func Run(ctx context.Context, t Trial, cfg Config) (*Result, error) {
	r := &Result{Trial: t, Subject: "kernel"}
	if cfg.Lastack {
		r.Subject = "lastack"
	}
	if why := t.Reason(cfg); why != "" {
		r.Skipped = append(r.Skipped, why)
		return r, nil
	}
	var err error
	switch t {
	case Leaks:
		err = tryLeaks(ctx, r)
	case Database:
		err = tryDatabase(ctx, r)
	case Pools:
		var subject wire.Subject = wire.Kernel{}
		if cfg.Lastack {
			subject = wire.Lastack{}
		}
		err = tryPools(ctx, r, subject, cfg)
	default:
		err = fmt.Errorf("there is no trial %q", t)
	}
	if err != nil {
		return nil, fmt.Errorf("%s on %s: %w", t, r.Subject, err)
	}
	return r, nil
}
