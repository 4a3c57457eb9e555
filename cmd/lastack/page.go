package main

import (
	"bytes"
	"fmt"
	"os"

	"lastack/harness/experiment"
	"lastack/harness/report"
)

// writable fails if a file cannot be written to, which is better known before
// everything has been run. It makes the file, and leaves what is in it alone. No
// name is no file.
func writable(name string) error {
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("opening the file of the report: %w", err)
	}
	return f.Close()
}

// writePage writes the page about results, or nothing if it cannot be made.
func writePage(name string, all []*experiment.Experiment, results []experiment.Result) error {
	var page bytes.Buffer
	if err := report.HTML(&page, all, results); err != nil {
		return err
	}
	if err := os.WriteFile(name, page.Bytes(), 0o644); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
