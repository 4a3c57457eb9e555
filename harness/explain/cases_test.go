package explain_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lastack/harness/capture"
	"lastack/harness/explain"
	"lastack/harness/teardown"
)

// expectation is what a capture of testdata/cases/expected.json has to show: on all of
// its connections, but for Finding, TextHas and ReasonHas.
type expectation struct {
	Close              teardown.Kind       `json:"close"`
	ActiveCloser       teardown.Who        `json:"active_closer"`
	ResetBy            teardown.Who        `json:"reset_by"`
	Cause              teardown.Cause      `json:"cause"`
	Server             string              `json:"server"`
	FINRetransmissions *int                `json:"fin_retransmissions"`
	Connections        int                 `json:"connections"`
	Finding            explain.FindingKind `json:"finding"`
	Never              []string            `json:"never"` // findings or causes
	TextHas            string              `json:"text_has"`
	ReasonHas          string              `json:"reason_has"`
	Why                string              `json:"why"`
}

// TestCases: each capture, of every kind that is known to have been judged wrongly, of
// every link, tunnel and format, has the verdict that is right.
func TestCases(t *testing.T) {
	text, err := os.ReadFile("testdata/cases/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]expectation
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata/cases", name)
			if _, err := os.Stat(path); err != nil {
				path = filepath.Join("../capture/testdata/cases", name)
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
			hold(t, r, &want)
		})
	}
}

// hold explains a capture and holds the result against what is expected.
func hold(t *testing.T, src capture.Source, want *expectation) {
	t.Helper()
	var all []*explain.Connection
	a := explain.New(explain.Options{Each: func(c *explain.Connection) error {
		all = append(all, c)
		return nil
	}})
	if err := a.ReadAll(src); err != nil {
		t.Fatal(err)
	}
	sum, err := a.Summary()
	if err != nil || len(all) == 0 || want.Connections > 0 && len(all) != want.Connections {
		t.Fatalf("%d connections, want %d: %v", len(all), want.Connections, err)
	}
	var told []string
	for _, f := range sum.Findings {
		told = append(told, string(f.Kind))
	}
	if want.Finding != "" && !slices.Contains(told, string(want.Finding)) {
		t.Errorf("found %q, want %s", told, want.Finding)
	}
	reasoned := want.ReasonHas == ""
	for _, c := range all {
		told = append(told, string(c.Cause), string(c.ResetCause))
		reasoned = reasoned || strings.Contains(c.Reason, want.ReasonHas)
		if wrong := want.differs(c); wrong != "" {
			t.Errorf("connection %d: %s is wrong, as %s: %s, active closer %s, RST from %s, cause %s, server %s, %d FINs again: %s",
				c.N, wrong, want.Why, c.Close, c.ActiveCloser, c.ResetBy, c.Cause, c.Server, c.FINRetransmissions, c.Reason)
		}
	}
	for _, never := range want.Never {
		if slices.Contains(told, never) {
			t.Errorf("%s is said, although %s", never, want.Why)
		}
	}
	var page bytes.Buffer
	if err := explain.WriteText(&page, sum, explain.Look{}); err != nil || !strings.Contains(page.String(), want.TextHas) || !reasoned {
		t.Errorf("%v: %s", err, page.String())
	}
}

// differs names what of a connection is not as expected.
func (want *expectation) differs(c *explain.Connection) string {
	switch {
	case want.Close != "" && c.Close != want.Close:
		return "close"
	case want.ActiveCloser != "" && c.ActiveCloser != want.ActiveCloser:
		return "active_closer"
	case want.ResetBy != "" && c.ResetBy != want.ResetBy:
		return "reset_by"
	case want.Cause != "" && c.Cause != want.Cause:
		return "cause"
	case want.Server != "" && c.Server != want.Server:
		return "server"
	case want.FINRetransmissions != nil && c.FINRetransmissions != *want.FINRetransmissions:
		return "fin_retransmissions"
	}
	return ""
}
