package experiment

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the schema")

// TestSchema keeps the file that editors use true to the format.
func TestSchema(t *testing.T) {
	if *update {
		if err := os.WriteFile("schema.json", Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != string(Schema()) {
		t.Error("schema.json is not the format's (write it with -update)")
	}
	var s struct {
		Required   []string
		Properties map[string]struct{ Properties map[string]any }
	}
	if err := json.Unmarshal(file, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Required) != 6 || s.Properties["expect"].Properties["close"] == nil {
		t.Errorf("required %v", s.Required)
	}
}

// TestSubjectSchema keeps that of subjects true to the format, too.
func TestSubjectSchema(t *testing.T) {
	if *update {
		if err := os.WriteFile("subject.json", SubjectSchema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile("subject.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != string(SubjectSchema()) {
		t.Error("subject.json is not the format's (write it with -update)")
	}
}

func TestHelp(t *testing.T) {
	help := Help()
	for _, want := range []string{"ack_delay_ms", "half-close", "slow-closer", "EADDRNOTAVAIL", "close, required", "four-way"} {
		if !strings.Contains(help, want) {
			t.Errorf("the help does not say %q", want)
		}
	}
	for _, line := range strings.Split(help, "\n") {
		if len(line) > 80 && !strings.Contains(line, "|") {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

// TestCorpus: each file is named after its experiment and says what it should.
func TestCorpus(t *testing.T) {
	names, err := filepath.Glob("corpus/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		e, err := Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if e.Name+".yaml" != filepath.Base(name) {
			t.Errorf("%s holds the experiment %s", name, e.Name)
		}
		if len(e.Claims) == 0 && !e.Through.given() || e.Wrong == "" { // no claim is about proxies
			t.Errorf("%s: no claim, or nothing that people get wrong", name)
		}
	}
	if len(names) != len(Corpus()) {
		t.Errorf("%d files and %d experiments", len(names), len(Corpus()))
	}
}

func TestSelect(t *testing.T) {
	for arg, want := range map[string]string{
		"three":    "did you mean three-way?",
		"last-ack": "did you mean last-ack-lost-server-first, last-ack-lost,", "time-wait": "are called something with time-wait, such as", "lingre-0": `did you mean "linger-0"?`,
		"zzzzzzzz": "lastack list",
	} {
		if _, err := Select([]string{arg}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", arg, err, want)
		}
	}
	copied := filepath.Join(t.TempDir(), "copy.yaml")
	if err := os.WriteFile(copied, []byte(mustRead("three-way.yaml")), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Select([]string{"three-way", "all", copied})
	if err == nil || !strings.Contains(err.Error(), "both called three-way") {
		t.Errorf("%d, %v", len(got), err)
	}
	if got, err = Select([]string{"three-way", "all"}); err != nil || len(got) != len(Corpus()) || got[0].Name != "three-way" {
		t.Errorf("%d, %v", len(got), err)
	}
}
