package main

import (
	"context"
	"os"
	"runtime/debug"

	"lastack/harness/capture"
	"lastack/harness/explain"
)

// rereadable reports whether all files can be read twice. A file that does not exist
// counts: opening it reports that.
func rereadable(files []string) bool {
	for _, path := range files {
		info, err := os.Stat(path)
		if path == capture.StandardInput || err == nil && !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// runPathDiff compares whole captures, unless one of them has but one connection and
// nobody asked for all.
func runPathDiff(ctx context.Context, f *diffFlags, files []string) error {
	if !rereadable(files) {
		return usagef("--path reads each capture twice, so that neither can be a pipe or standard input; save it to a file first")
	}
	debug.SetGCPercent(50) // digests live long; memory is dearer here than time
	var surveys [2]*explain.Survey
	for i, path := range files {
		var err error
		surveys[i], err = survey(ctx, path)
		if ctx.Err() != nil { // what was read until then is no capture to compare
			return ctx.Err()
		}
		if err != nil {
			return usage(err)
		}
	}
	for i, s := range surveys {
		switch {
		case s.Connections == 0:
			return usagef("%s: there is no TCP connection", files[i])
		case s.Connections == 1 && !f.path:
			return runDiff(ctx, f, files)
		}
	}
	open := func(path string) explain.Opener {
		return func() (explain.PathSource, error) { return openStopped(ctx, path) }
	}
	d, err := explain.ComparePath(surveys[0], surveys[1], open(files[0]), open(files[1]))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return usage(err)
	}
	same := d.Same && (!f.strict || d.LossFree && d.Unchanged)
	return f.show(d, func() error { return explain.WritePathDiff(os.Stdout, d, look()) }, same)
}

func survey(ctx context.Context, path string) (*explain.Survey, error) {
	f, err := openStopped(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return explain.NewSurvey(f, path)
}

// openStopped opens a capture whose reading ends with ctx.
func openStopped(ctx context.Context, path string) (*capture.File, error) {
	return capture.Open(path, capture.OpenConfig{Stop: ctx.Done()})
}
