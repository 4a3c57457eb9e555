package proxy

import (
	"context"
	"errors"
	"os"

	"lastack/harness/lab"
)

// kill gives the socket to a process, and kills that: the kernel closes the socket as it
// does for every process that is killed, by a RST if data are unread and a FIN if not.
func (e *end) kill(ctx context.Context) error {
	f, err := e.File()
	if err != nil {
		return err
	}
	owner := lab.Command(ctx, "sleep", "60") // it does nothing
	owner.ExtraFiles = []*os.File{f}
	err = owner.Start()
	// From here on the process is the only one that has the socket.
	err = errors.Join(err, f.Close(), e.Close())
	if err != nil {
		return err
	}
	err = owner.Process.Kill()
	_ = owner.Wait() // it was killed
	return err
}
