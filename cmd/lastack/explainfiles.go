package main

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime/debug"

	"lastack/harness/explain"
	"lastack/harness/explain/explained"
)

// outputs are the files that explain writes beside what it prints.
type outputs struct {
	flags   *explainFlags
	inputs  []string
	partial *whole
	parts   *explain.PartialWriter
	page    *whole
}

// files begins them, so that what cannot be written is known before anything is read.
func (f *explainFlags) files(v *view, inputs []string) (*outputs, error) {
	o := &outputs{flags: f, inputs: inputs}
	var err error
	if f.partial != "" {
		if o.partial, err = begin("--partial", f.partial, inputs); err != nil {
			return nil, err
		}
		o.parts = explain.NewPartialWriter(o.partial, inputs, v.opt.Filter)
		v.opt.Partial = o.parts
	}
	if f.report != "" {
		if o.page, err = begin("--report", f.report, inputs); err != nil {
			o.abort()
			return nil, err
		}
	}
	return o, nil
}

func begin(flag, name string, inputs []string) (*whole, error) {
	if err := notRead(flag, name, inputs); err != nil {
		return nil, err
	}
	w, err := createWhole(name)
	if err != nil {
		return nil, usagef("%s: %w", flag, err)
	}
	return w, nil
}

func (o *outputs) abort() {
	for _, w := range []*whole{o.partial, o.page} {
		if w != nil {
			w.abort()
		}
	}
}

// finish writes the files.
func (o *outputs) finish(ctx context.Context, a *explain.Analysis, sum *explain.Summary) error {
	var err error
	if o.partial != nil {
		if err = o.parts.Close(a); err == nil {
			err = o.partial.commit()
		}
	}
	if o.page == nil {
		return err
	}
	p := explained.Page{Summary: sum, Files: o.inputs, Gone: sum.Live && o.flags.live.write == ""}
	if p.Gone {
		p.Files = []string{o.flags.live.iface}
	}
	p.Drawn, p.NotDrawn = o.draw(ctx, a)
	return errors.Join(err, writePageTo(o.page, &p))
}

func writePageTo(w *whole, p *explained.Page) error {
	if err := explained.HTML(w, p); err != nil {
		return err
	}
	return w.commit()
}

// draw reads the files once more for the examples of the findings, and says why if it
// cannot.
func (o *outputs) draw(ctx context.Context, a *explain.Analysis) (drawn []*explain.Connection, why string) {
	if o.flags.live.iface != "" {
		return nil, "The packets came from an interface, and are not read twice: keep them with --write, and explain that file."
	}
	if o.flags.follow {
		return nil, "The file was still growing, and is not read twice."
	}
	for _, path := range o.inputs {
		if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
			return nil, "What comes through a pipe cannot be read twice: save the capture to a file, and explain that."
		}
	}
	source, err := openCaptures(ctx, o.inputs, false)
	if err == nil {
		defer source.close()
		debug.SetGCPercent(50)
		drawn, err = a.Draw(source.Source)
	}
	if err != nil {
		return drawn, "Reading the capture again: " + err.Error()
	}
	return drawn, ""
}

// checkMerge refuses what only a run over packets can do.
func (f *explainFlags) checkMerge() error {
	switch {
	case f.live.given("interface"):
		return usagef("--merge reads partials, and -i captures; give one of them")
	case f.csv, f.ladder != "", f.pcapng != "", f.follow:
		return usagef("--merge has the sums of captures and no single connections: --csv, --ladder, --pcapng and --follow are for a capture")
	case f.partial != "":
		return usagef("--merge makes a report, and --partial a part of one; give one of them")
	case len(f.close)+len(f.hosts) > 0 || f.port != 0 || f.longer != 0:
		return usagef("--close, --host, --port and --longer choose what is counted: give them with --partial")
	}
	return nil
}

// runMerge makes the report of partials.
func runMerge(ctx context.Context, f *explainFlags, paths []string) error {
	v, err := f.view()
	if err != nil {
		return err
	}
	var parts []*explain.Part
	for _, path := range paths {
		if path == "-" {
			return usagef("--merge -: partials are read several times; name files")
		}
		parts = append(parts, &explain.Part{Name: path, Open: func() (io.ReadCloser, error) { return openPart(ctx, path) }})
	}
	out, err := f.files(v, paths)
	if err != nil {
		return err
	}
	defer out.abort()
	sum, err := explain.MergeParts(parts, v.opt.Ports)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return usagef("--merge: %w", err)
	}
	warnAll(sum)
	err = v.close(sum)
	if out.page != nil {
		p := explained.Page{Summary: sum, NotDrawn: "The partials have no packets: lastack explain FILE --ladder draws a connection from its capture."}
		for _, part := range parts {
			p.Files = append(p.Files, part.Files...)
		}
		err = errors.Join(err, writePageTo(out.page, &p))
	}
	return err
}

// stoppable is a file that is not read on when there is no use for it.
type stoppable struct {
	*os.File
	ctx context.Context
}

func openPart(ctx context.Context, path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	return &stoppable{f, ctx}, err
}

func (s *stoppable) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.File.Read(b)
}
