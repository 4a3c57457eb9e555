package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"lastack/harness/capture/reasons"
)

// kernelReasons asks on the machine itself: a lab of an ordinary user may not.
func kernelReasons(context.Context) finding {
	s, err := reasons.Open()
	var unavailable *reasons.UnavailableError
	if errors.As(err, &unavailable) {
		err = unavailable.Err
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fails(err.Error(), "sudo lastack explain -i any")
	case err != nil:
		return fails(err.Error(), "a kernel with CONFIG_FTRACE and CONFIG_PERF_EVENTS has them")
	}
	defer s.Close()
	switch n := len(s.Reasons()); {
	case n == 0:
		return finding{Limited, "processes, but no word for why a RST is sent", "Linux 6.10 or newer has words"}
	case len(s.Without()) > 0:
		return finding{Limited, fmt.Sprint(errors.Join(s.Without()...)), "Linux 6.11 or newer has all"}
	default:
		return works("%d words for why a RST is sent, and processes", n)
	}
}
