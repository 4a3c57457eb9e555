package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"lastack/harness/lab"
)

// ExitError says that the process of a run failed. It has said why on standard error.
type ExitError struct {
	Measure, Subject string
	// Status is its exit status.
	Status int
}

// Error names the run.
func (e *ExitError) Error() string {
	return fmt.Sprintf("bench: %s of %s ended with exit status %d", e.Measure, e.Subject, e.Status)
}

// once carries out a run in a lab of its own. args have this program call Child.
func once(ctx context.Context, r *run, args []string) (sample, error) {
	spec, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	code, err := lab.Reexec(ctx, lab.Options{
		Args: args, Env: []string{hostEnv + "=" + string(spec)}, Stdin: new(bytes.Buffer), Stdout: &out,
	})
	if err != nil {
		return nil, err
	}
	if code != 0 {
		return nil, &ExitError{Measure: r.Measure, Subject: r.Subject, Status: code}
	}
	var s sample
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		return nil, fmt.Errorf("bench: %s of %s said %q: %w", r.Measure, r.Subject, out.String(), err)
	}
	return s, nil
}
