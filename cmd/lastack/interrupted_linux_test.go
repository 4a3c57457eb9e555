package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/check/service"
	"lastack/harness/experiment"
	"lastack/harness/experiment/claims"

	"golang.org/x/sys/unix"
)

// cutDocument is what all documents of --json about interrupted work have in common.
type cutDocument struct {
	Interrupted bool              `json:"interrupted"`
	Passed      bool              `json:"passed"`
	AsExpected  bool              `json:"as_expected"`
	Results     []json.RawMessage `json:"results"`
	Checks      []json.RawMessage `json:"checks"`
	Claims      []json.RawMessage `json:"claims"`
	Scripts     []checkedScript   `json:"scripts"`
}

func readCut(t *testing.T, out []byte) *cutDocument {
	t.Helper()
	var doc cutDocument
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	if !doc.Interrupted || doc.Passed || doc.AsExpected {
		t.Errorf("the document of interrupted work is %s", out)
	}
	return &doc
}

// TestInterruptedAtOnce: work that Ctrl-C ends before anything is concluded has a document, too.
func TestInterruptedAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	all, err := experiment.Select([]string{"three-way"})
	if err != nil {
		t.Fatal(err)
	}
	cs, err := claims.Select([]int{1})
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, name := range []string{"run", "claims", "check"} {
		pages[name] = filepath.Join(t.TempDir(), name+".html")
	}
	onLastack := experiment.Config{Subjects: []string{experiment.Lastack}}
	for name, run := range map[string]func(io.Writer) error{
		"run": func(w io.Writer) error {
			return runExperiments(ctx, w, all, &runFlags{json: true, report: pages["run"]})
		},
		"claims": func(w io.Writer) error {
			return tryClaims(ctx, w, cs, &claimsFlags{cfg: onLastack, json: true, report: pages["claims"]})
		},
		"churn": func(w io.Writer) error { return runChurn(ctx, w, completeChurn(t)) },
		"demo":  func(w io.Writer) error { return runDemo(ctx, w, true, false) },
		"check": func(w io.Writer) error {
			f := &serviceFlags{cfg: service.Config{Address: "127.0.0.1:1"}, out: checkFlags{json: true, report: pages["check"]}}
			return runCheck(ctx, w, f)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := run(&out); status(err) != exitInterrupted || !strings.HasPrefix(message(err), "interrupted") {
				t.Errorf("status %d: %v", status(err), err)
			}
			doc := readCut(t, out.Bytes())
			if doc.Results == nil && doc.Checks == nil {
				t.Errorf("no list in %s", out.Bytes())
			}
			if page := pages[name]; page != "" {
				got, err := os.ReadFile(page)
				if err != nil || !bytes.Contains(got, []byte("not run: lastack was interrupted")) {
					t.Errorf("the page does not say that work was interrupted: %v\n%s", err, got)
				}
			}
		})
	}
}

func completeChurn(t *testing.T) *churnFlags {
	f := &churnFlags{json: true, ports: 100, msl: 30_000}
	if err := f.complete(nil); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestInterruptedScripts: Ctrl-C ends packetdrill even at a named pipe that nobody writes to, and
// what was concluded before is in the document.
func TestInterruptedScripts(t *testing.T) {
	const first = "../../harness/experiment/packetdrill/suite/close/active-four-way.pkt"
	pipe := filepath.Join(t.TempDir(), "pipe.pkt")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Skipf("needs a named pipe: %v", err)
	}
	xml := filepath.Join(t.TempDir(), "scripts.xml")
	for _, args := range [][]string{{"--json", "--junit", xml, first, pipe}, {"--check", "--json", first, pipe}} {
		c := exec.CommandContext(t.Context(), asLastack(t), append([]string{"packetdrill"}, args...)...)
		var out bytes.Buffer
		c.Stdout = &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(pipe, os.O_WRONLY, 0) // returns when the pipe is read
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
			t.Errorf("%v ended with %v", args, err)
		}
		f.Close()
		if doc := readCut(t, out.Bytes()); len(doc.Scripts) != 1 || doc.Scripts[0].Verdict != "pass" {
			t.Errorf("%v: %s", args, out.Bytes())
		}
	}
	got, err := os.ReadFile(xml)
	if want := `tests="2" failures="0" errors="1" skipped="0"`; err != nil || !strings.Contains(string(got), want) {
		t.Errorf("%v: the file does not have %q:\n%s", err, want, got)
	}
}
