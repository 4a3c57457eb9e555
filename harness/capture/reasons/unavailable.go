package reasons

import "fmt"

// UnavailableError says that the kernel's reasons cannot be had on this machine, or not by
// this process.
type UnavailableError struct {
	Err error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("the kernel's reasons need root (CAP_PERFMON) and tracefs (mount -t tracefs tracefs /sys/kernel/tracing): %v", e.Err)
}

// Unwrap returns why.
func (e *UnavailableError) Unwrap() error { return e.Err }
