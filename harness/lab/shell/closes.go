package shell

import (
	"fmt"
	"os"
	"path/filepath"
)

// Closes is the file that "lab closes" shows. It is for one goroutine.
type Closes struct {
	f     *os.File
	left  int64
	ended bool
}

// MaxCloses is how many bytes Closes keeps.
const MaxCloses = 16 << 20

// NewCloses makes the file in a shell's folder.
func NewCloses(dir string) (*Closes, error) {
	f, err := os.OpenFile(filepath.Join(dir, "closes"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &Closes{f: f, left: MaxCloses}, nil
}

// Write adds to the file as long as there is room. It fails never: a full file or disk ends
// what is kept, not the host that writes.
func (c *Closes) Write(b []byte) (int, error) {
	switch {
	case c.ended:
	case int64(len(b)) > c.left:
		c.ended = true
		// Its error would be that of a full disk.
		_, _ = fmt.Fprintf(c.f, "\nmore than %d MiB of closes: no more are kept here\n", MaxCloses>>20)
	default:
		n, err := c.f.Write(b)
		c.left -= int64(n)
		c.ended = err != nil
	}
	return len(b), nil
}

// Close closes the file.
func (c *Closes) Close() error { return c.f.Close() }
