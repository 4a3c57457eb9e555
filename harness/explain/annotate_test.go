package explain_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lastack/harness/capture"
	"lastack/harness/capture/capturetest"
	"lastack/harness/explain"
)

// annotated is a capture with comments, made of one that was generated.
func annotated(t *testing.T, cfg capturetest.Config) []byte {
	t.Helper()
	file, _ := generate(t, cfg)
	r, err := capture.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	n := explain.NewAnnotator(r, &out, func() (names []string) {
		for _, i := range r.Interfaces() {
			names = append(names, i.Name)
		}
		return names
	})
	a := explain.New(explain.Options{Packet: n.Remark})
	if err := a.ReadAll(n); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Summary(); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestAnnotate: every packet is there again, and those of a close have comments.
func TestAnnotate(t *testing.T) {
	cfg := capturetest.Config{Seed: 4, Connections: 1, Kinds: []capturetest.Kind{capturetest.FourWay}, Format: capturetest.Pcapng}
	file, _ := generate(t, cfg)
	r, err := capture.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	before, err := capture.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	r, err = capture.NewReader(bytes.NewReader(annotated(t, cfg)))
	if err != nil {
		t.Fatal(err)
	}
	after, err := capture.ReadAll(r)
	if err != nil || len(after) != len(before) {
		t.Fatalf("%d packets, want %d: %v", len(after), len(before), err)
	}
	var comments []string
	for i, p := range after {
		if !bytes.Equal(p.Data, before[i].Data) || !p.Time.Equal(before[i].Time) || p.OrigLen != before[i].OrigLen {
			t.Errorf("packet %d is not the same", i+1)
		}
		if p.Comment != "" {
			comments = append(comments, p.Comment)
		}
	}
	all := strings.Join(comments, "\n")
	for _, want := range []string{"client SYN_SENT, server LISTEN", " ESTABLISHED to FIN_WAIT_1", " FIN_WAIT_1 to FIN_WAIT_2; delayed ACK after ", " FIN_WAIT_2 to TIME_WAIT", "; four-way: active closer "} {
		if strings.Count(all, want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, all)
		}
	}
	if len(comments) == len(after) {
		t.Errorf("all %d packets have comments", len(after))
	}
}

// TestAnnotateEmpty: a capture without packets is a capture.
// fullDisk takes so many bytes.
type fullDisk int

func (d *fullDisk) Write(b []byte) (int, error) {
	n := min(len(b), int(*d))
	if *d -= fullDisk(n); n < len(b) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// TestAnnotateFullDisk: what cannot be written is an error of Close, and every packet is
// explained all the same.
func TestAnnotateFullDisk(t *testing.T) {
	var file bytes.Buffer
	truth, err := capturetest.Write(&file, capturetest.Config{Seed: 1, Connections: 200})
	if err != nil {
		t.Fatal(err)
	}
	src, err := capture.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	disk := fullDisk(4096)
	n := explain.NewAnnotator(src, &disk, func() []string { return nil })
	a := explain.New(explain.Options{Packet: n.Remark})
	if err := a.ReadAll(n); err != nil {
		t.Fatal(err)
	}
	sum, err := a.Summary()
	if err != nil || sum.Packets != truth.Records {
		t.Errorf("%d packets explained, want %d; %v", sum.Packets, truth.Records, err)
	}
	if err := n.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Close: %v", err)
	}
}

func TestAnnotateEmpty(t *testing.T) {
	var out bytes.Buffer
	if err := explain.NewAnnotator(&slice{}, &out, func() []string { return nil }).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := capture.NewReader(&out); err != nil {
		t.Error(err)
	}
}

// TestAnnotateTshark: Wireshark finds the comments.
func TestAnnotateTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed (apt-get install tshark)")
	}
	path := filepath.Join(t.TempDir(), "explained.pcapng")
	if err := os.WriteFile(path, annotated(t, capturetest.Config{Seed: 5, Connections: 200}), 0o644); err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string]string{
		`frame.comment contains "delayed ACK after" && tcp.flags.fin==0 && tcp.len==0`: "FIN_WAIT_1 to FIN_WAIT_2",
		`frame.comment contains "refused by the server" && tcp.flags.reset==1`:         "refused by the server",
		`frame.comment contains "simultaneous: active closer both"`:                    "CLOSING to TIME_WAIT",
		`frame.comment contains "FIN again" && tcp.flags.fin==1`:                       "FIN again",
	} {
		out, err := exec.Command(tshark, "-r", path, "-Y", filter, "-T", "fields", "-e", "frame.comment").Output()
		if err != nil {
			t.Fatalf("tshark -Y %q: %v", filter, err)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if len(lines) < 3 || !strings.Contains(lines[0], want) {
			t.Errorf("-Y %q finds %d packets, the first: %q, want %q", filter, len(lines), lines[0], want)
		}
	}
}
