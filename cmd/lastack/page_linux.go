package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"lastack/harness/experiment"
	"lastack/harness/experiment/claims"
	"lastack/harness/experiment/report"
)

// usableFolder fails if no file can be made in a folder, which it makes if it is not
// there. No name is no folder.
func usableFolder(name string) error {
	if name == "" {
		return nil
	}
	if err := os.MkdirAll(name, 0o755); err != nil {
		return fmt.Errorf("making the folder to keep captures in: %w", err)
	}
	f, err := os.CreateTemp(name, ".lastack-*")
	if err != nil {
		return fmt.Errorf("the folder to keep captures in: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// writePage writes the page about results.
func writePage(name string, all []*experiment.Experiment, results []experiment.Result) error {
	return writeWhole(name, func(w io.Writer) error { return report.HTML(w, all, results) })
}

// writeClaimsPage writes the page about claims.
func writeClaimsPage(name string, r *claims.Report) error {
	return writeWhole(name, func(w io.Writer) error { return report.Claims(w, r) })
}
