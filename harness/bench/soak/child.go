package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"time"

	"lastack/harness/lab"
)

// roleEnv tells a process that it is a child of this package, and which.
const roleEnv = "LASTACK_SOAK_CHILD"

// role is what a child does: exactly one of the fields is set.
type role struct {
	Load *load         `json:"load,omitempty"`
	Burn time.Duration `json:"burn,omitempty"`
}

// IsChild reports whether this process is one that the package has started. Its
// main, or TestMain, then calls Child and nothing else.
func IsChild() bool { return os.Getenv(roleEnv) != "" }

// Child does what the process was started for.
func Child() error {
	var r role
	if err := json.Unmarshal([]byte(os.Getenv(roleEnv)), &r); err != nil {
		return fmt.Errorf("soak: reading %s: %w", roleEnv, err)
	}
	if r.Load != nil {
		return clients(r.Load)
	}
	burn(r.Burn)
	return nil
}

// child prepares this program as a child with the role. It ends with ctx.
func child(ctx context.Context, r role) (*lab.Cmd, error) {
	spec, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	cmd := lab.Command(ctx, "/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"="+string(spec))
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// processors is how many this process may use, before anything lowers that.
var processors = runtime.GOMAXPROCS(0)

// burn keeps one processor busy for a while.
func burn(d time.Duration) {
	runtime.GOMAXPROCS(1)
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}

// burners starts busy loops, which end after d or when stop is called.
func burners(ctx context.Context, n int, d time.Duration) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var running []*lab.Cmd
	stop = func() {
		cancel()
		for _, cmd := range running {
			_ = cmd.Wait() // killed, or at its end
		}
	}
	for range n {
		cmd, err := child(ctx, role{Burn: d})
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			stop()
			return nil, err
		}
		running = append(running, cmd)
	}
	return stop, nil
}
