package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"lastack/harness/capture"
	"lastack/harness/explain"
	"lastack/harness/term/outfile"
)

// captures are the files of a command line, open as one source.
type captures struct {
	capture.Source
	paths []string
	files []*capture.File
}

func openCaptures(ctx context.Context, paths []string, follow bool) (*captures, error) {
	c := &captures{paths: paths}
	var sources []capture.Source
	for _, path := range paths {
		f, err := capture.Open(path, capture.OpenConfig{Follow: follow, Stop: ctx.Done()})
		if err != nil {
			c.close()
			return nil, usage(err)
		}
		c.files, sources = append(c.files, f), append(sources, f)
	}
	c.Source = sources[0]
	if len(sources) > 1 {
		c.Source = explain.NewMerge(sources)
	}
	return c, nil
}

func (c *captures) close() {
	for _, f := range c.files {
		_ = f.Close() // only read from
	}
}

// interfaces names those that the packets are of: the file's own or, of several
// files, the files.
func (c *captures) interfaces() (names []string) {
	if len(c.files) > 1 {
		return c.paths
	}
	for _, i := range c.files[0].Interfaces() {
		names = append(names, i.Name)
	}
	return names
}

// annotate makes the view write the packets again, to a file that is none of
// those that are read.
func (c *captures) annotate(v *view, path string) error {
	if err := notRead("--pcapng", path, c.paths); err != nil {
		return err
	}
	out, err := outfile.Open(path)
	if err != nil {
		return usage(fmt.Errorf("--pcapng: %w", err))
	}
	c.Source = v.annotate(c.Source, out, c.interfaces)
	return nil
}

// annotate makes the view write what it shows to a file, which it closes, too.
func (v *view) annotate(src capture.Source, out io.WriteCloser, names func() []string) capture.Source {
	n := explain.NewAnnotator(src, out, names)
	n.Grow = v.live
	v.opt.Packet = n.Remark
	show := v.close
	v.close = func(s *explain.Summary) error {
		err := errors.Join(n.Close(), out.Close())
		return errors.Join(show(s), err) // what the packets say is said on a full disk, too
	}
	return n
}

// notRead refuses to write over what is read.
func notRead(flag, path string, inputs []string) error {
	for _, in := range inputs {
		a, errA := os.Stat(in)
		b, errB := os.Stat(path)
		if errA == nil && errB == nil && os.SameFile(a, b) {
			return usagef("%s %s: this is the file that is read; name another", flag, path)
		}
	}
	return nil
}
