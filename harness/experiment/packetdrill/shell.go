package packetdrill

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// maxShellOutput is what is kept of what a shell command prints, in bytes.
const maxShellOutput = 4 << 10

// Shell runs a shell command of a script's. What it prints is part of the error if it
// fails. PACKETDRILL_PID is the number of the shell's parent, as packetdrill has it: scripts
// name files by it.
func Shell(ctx context.Context, folder, command string) error {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.WaitDelay = folder, time.Second
	cmd.Env = append(os.Environ(), "PACKETDRILL_PID="+strconv.Itoa(os.Getpid()))
	w := &limitedWriter{w: &out, n: maxShellOutput}
	cmd.Stdout, cmd.Stderr = w, w
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if said := strings.Join(strings.Fields(out.String()), " "); said != "" {
		return fmt.Errorf("%w: %s", err, said)
	}
	return err
}

// limitedWriter passes on the first n bytes, and takes the rest.
type limitedWriter struct {
	w io.Writer
	n int
}

func (l *limitedWriter) Write(b []byte) (int, error) {
	k := min(len(b), l.n)
	l.n -= k
	if _, err := l.w.Write(b[:k]); err != nil {
		return 0, err
	}
	return len(b), nil
}
