package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"lastack/harness/term/outfile"
)

// whole is a file that is there as a whole or not at all: it is written beside its name,
// and renamed at the end. A pipe, or another file that is not regular, is written to
// directly.
type whole struct {
	*bufio.Writer
	f    *os.File
	name string
	temp string // empty where there is nothing to rename
	done bool
}

// createWhole begins a file, so that one that cannot be written is known at once.
func createWhole(name string) (*whole, error) {
	if name == "-" {
		return &whole{Writer: bufio.NewWriter(os.Stdout), f: os.Stdout, name: "standard output"}, nil
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real // the link stays
	}
	w := &whole{name: name}
	st, err := os.Stat(name)
	if err == nil && !st.Mode().IsRegular() {
		w.f, err = os.OpenFile(name, os.O_WRONLY, 0)
	} else {
		w.temp = fmt.Sprintf("%s.%d.tmp", name, os.Getpid())
		w.f, err = os.OpenFile(w.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("creating %s: %w", name, err)
	}
	w.Writer = bufio.NewWriter(w.f)
	return w, nil
}

// commit gives the file its name. Where that fails, what had the name before still has it.
func (w *whole) commit() error {
	err := w.Flush()
	if w.f != os.Stdout {
		err = errors.Join(err, w.f.Close())
	}
	w.done = true
	if err == nil && w.temp != "" {
		err = os.Rename(w.temp, w.name)
	}
	if err != nil {
		w.remove()
		return fmt.Errorf("writing %s: %w", w.name, err)
	}
	return nil
}

// abort leaves nothing behind of what was not committed.
func (w *whole) abort() {
	if w.done {
		return
	}
	w.done = true
	if w.f != os.Stdout {
		_ = w.f.Close() // it is given up
	}
	w.remove()
}

func (w *whole) remove() {
	if w.temp != "" {
		_ = os.Remove(w.temp) // the error that matters is the one before
	}
}

// writeWhole writes a file, or nothing if it cannot be made.
func writeWhole(name string, render func(io.Writer) error) error {
	w, err := createWhole(name)
	if err != nil {
		return err
	}
	defer w.abort()
	if err := render(w); err != nil {
		return err
	}
	return w.commit()
}

// writable fails if a file cannot be written to, which is better known before
// everything has been run. It leaves what is in it alone. No name is no file.
func writable(name string) error {
	if name == "" {
		return nil
	}
	f, err := outfile.Open(name)
	if err != nil {
		return fmt.Errorf("opening the file of the report: %w", err)
	}
	return f.Close()
}
