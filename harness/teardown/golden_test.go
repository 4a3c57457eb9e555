package teardown_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/teardown"
	"lastack/harness/teardown/teardowntest"
	"lastack/harness/term/golden"
)

// records parses a script of testdata.
func records(t testing.TB, name string) []teardown.Record {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".script"))
	if err != nil {
		t.Fatal(err)
	}
	recs, err := teardowntest.Parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return recs
}

func report(recs []teardown.Record) teardown.Report {
	var c teardown.Conn
	for _, r := range recs {
		c.Add(r)
	}
	return c.Report()
}

// TestGolden holds the whole report of every script, as JSON. What a script is
// called begins with the kind of close it must have, or with a word that
// kindOf knows.
func TestGolden(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.script")
	if err != nil || len(scripts) < 40 {
		t.Fatalf("%d scripts in testdata: %v", len(scripts), err)
	}
	for _, path := range scripts {
		name := strings.TrimSuffix(filepath.Base(path), ".script")
		t.Run(name, func(t *testing.T) {
			r := report(records(t, name))
			if want := kindOf(name); r.Close != want {
				t.Errorf("close %q, want %q", r.Close, want)
			}
			got, err := json.MarshalIndent(r, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			golden.Match(t, filepath.Join("testdata", name+".json"), append(got, '\n'))
		})
	}
}

func kindOf(name string) teardown.Kind {
	switch name {
	case "mid-three-way", "fin-before-data":
		return teardown.ThreeWay
	case "mid-one-way":
		return teardown.Unanswered
	case "fast-open", "long-data":
		return teardown.ThreeWay
	}
	for _, k := range kinds {
		if strings.HasPrefix(name, string(k)) {
			return k
		}
	}
	return "?"
}

var kinds = []teardown.Kind{
	teardown.ThreeWay, teardown.FourWay, teardown.Simultaneous, teardown.HalfClosed,
	teardown.Reset, teardown.Refused, teardown.Open, teardown.Unanswered,
}
