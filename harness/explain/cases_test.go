package explain_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/capture"
	"lastack/harness/explain"
)

// TestCases: one connection that closes in four segments is found and judged over
// every link, in every tunnel and format that package capture has a file of.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("../capture/testdata/cases/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want := "four-way"
			if strings.HasPrefix(filepath.Base(path), "captured-more") {
				want = "three-way"
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			r, err := capture.NewReader(f)
			if err != nil {
				t.Fatal(err)
			}
			var closes []string
			a := explain.New(explain.Options{Each: func(c *explain.Connection) error {
				closes = append(closes, string(c.Close))
				return nil
			}})
			if err := a.ReadAll(r); err != nil {
				t.Fatal(err)
			}
			sum, err := a.Summary()
			if err != nil || len(closes) != 1 || closes[0] != want || len(sum.Warnings) > 0 {
				t.Errorf("%v, %v; want one %s; %q", closes, err, want, sum.Warnings)
			}
		})
	}
}
