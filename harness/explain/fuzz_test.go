package explain_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
)

// FuzzExplain: whatever a file holds, it is explained or refused, with counts that
// add up, sound JSON, and a capture with comments that can be read again.
func FuzzExplain(f *testing.F) {
	for i, link := range capturetest.Links() {
		cfg := capturetest.Config{Seed: uint64(i), Connections: 3, Link: link, LostFINs: 30, Response: 100, IPv6: 30, SnapLen: 110}
		if i%2 == 1 {
			cfg.Format, cfg.BigEndian = capturetest.Pcapng, i%4 == 1
		}
		var file bytes.Buffer
		if _, err := capturetest.Write(&file, cfg); err != nil {
			f.Fatal(err)
		}
		f.Add(file.Bytes())
		f.Add(file.Bytes()[:file.Len()*2/3])
	}
	f.Fuzz(fuzzExplain)
}

func fuzzExplain(t *testing.T, data []byte) {
	r, err := capture.NewReader(bytes.NewReader(data))
	if err != nil {
		return // refused, which the reader's own target looks into
	}
	var again, doc bytes.Buffer
	n := explain.NewAnnotator(r, &again, func() []string { return nil })
	j := explain.NewJSON(&doc)
	each := 0
	a := explain.New(explain.Options{Packet: n.Remark, Lines: true, Each: func(c *explain.Connection) error {
		each++
		check(t, c)
		return j.Each(c)
	}})
	damage := a.ReadAll(n)
	sum, err := a.Summary()
	if err != nil {
		t.Fatalf("an error of Each: %v", err)
	}
	if damage != nil && len(sum.Warnings) == 0 {
		t.Errorf("nothing warns of %v", damage)
	}
	inGroups := 0
	for _, g := range sum.Groups {
		inGroups += g.Connections
	}
	if each != sum.Connections || inGroups != each || sum.Matching != each || len(sum.Findings) > 10 {
		t.Errorf("%d connections, %d in the summary, %d in groups; %d findings", each, sum.Connections, inGroups, len(sum.Findings))
	}
	if err := j.Close(sum); err != nil || !json.Valid(doc.Bytes()) {
		t.Errorf("JSON: %v\n%s", err, doc.String())
	}
	if err := explain.WriteText(io.Discard, sum, explain.Look{}); err != nil {
		t.Error(err)
	}
	if err := n.Close(); err != nil {
		t.Fatalf("writing again: %v", err)
	}
	if _, err := capture.NewReader(&again); err != nil {
		t.Errorf("what was written again: %v", err)
	}
}

// check holds a connection against what its fields promise.
func check(t *testing.T, c *explain.Connection) {
	t.Helper()
	for name, us := range map[string]int64{"ack_delay": c.AckDelayUS, "half_close": c.HalfCloseUS, "left_open": c.LeftOpenUS, "silent": c.SilentUS, "idle": c.IdleUS, "duration": c.DurationUS} {
		if us < -1 {
			t.Errorf("%s is %d us: %+v", name, us, c)
		}
	}
	if (c.CloseWait == "none") != (c.Close != "half-closed") {
		t.Errorf("%s, and CLOSE_WAIT is left at %s", c.Close, c.CloseWait)
	}
	if c.ResetBy != "none" && c.ResetCause == "" {
		t.Errorf("a RST without a cause: %+v", c)
	}
	if (c.AckBy == "none") != (c.AckDelayUS < 0) {
		t.Errorf("acknowledged by %s after %d us", c.AckBy, c.AckDelayUS)
	}
	if line := c.Line(); strings.Contains(line, "\n") || strings.Contains(line, "%!") {
		t.Errorf("line %q", line)
	}
}
