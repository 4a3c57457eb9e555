package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"lastack/harness/lab"
)

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
		return nil, fmt.Errorf("bench: %s of %s ended with exit status %d", r.Measure, r.Subject, code)
	}
	var s sample
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		return nil, fmt.Errorf("bench: %s of %s said %q: %w", r.Measure, r.Subject, out.String(), err)
	}
	return s, nil
}
