package suite

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lastack/harness/capture"
	"lastack/harness/experiment/junit"
	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/inprocess"
)

const opened = `    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 65535 <mss 1460>
   +0 > S. 0:0(0) ack 1 <mss 1460>
  +.1 < . 1:1(0) ack 1 win 65535
   +0 accept(3, ..., ...) = 4
   +0 close(4) = 0
`

// files writes scripts and returns their names, in the order of the arguments: name, text.
func files(t *testing.T, pairs ...string) (all []string) {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		name := filepath.Join(dir, pairs[i]+".pkt")
		if err := os.WriteFile(name, []byte(pairs[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	return all
}

func subject(_ context.Context, a packetdrill.Addresses) (packetdrill.Subject, error) {
	return inprocess.New(inprocess.Config{Addresses: a, Virtual: true})
}

// four are a script that passes, one that fails, one that cannot be run, and a broken one.
func four(t *testing.T, known *Known) []*Result {
	t.Helper()
	list := files(t, "good", opened+"+0 > F. 1:1(0) ack 1\n", "bad", opened+"+0 > R. 1:1(0) ack 1\n",
		"unable", "0 `true`\n", "broken", "0 sokket() = 3\n")
	all, err := Run(t.Context(), list, Config{Subject: subject, Known: known})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestVerdicts(t *testing.T) {
	all := four(t, nil)
	var got []string
	for _, r := range all {
		got = append(got, r.Verdict)
	}
	if want := "pass fail error error"; strings.Join(got, " ") != want {
		t.Fatalf("%v, want %s", got, want)
	}
	switch bad, broken := all[1], all[3]; {
	case bad.Line != 9 || bad.Why != "flags: expected R., got F." || bad.Got != "> F. 1:1(0) ack 1 win 65535" || bad.OK():
		t.Errorf("%+v", bad)
	case !broken.Unread || broken.Line != 1 || all[2].Unread:
		t.Errorf("%+v", broken)
	}
	if s := Summary(all, time.Second); !strings.HasPrefix(s, "1 of 4 pass, 1 fail, 2 could not be run; 200ms") {
		t.Error(s)
	}
}

func TestKnown(t *testing.T) {
	known, err := ParseKnown("known.yaml", []byte("- name: b?d\n  why: it aborts\n  agrees: RFC 9293 3.6\n- {name: good, why: once}\n- {name: none, why: gone}\n- {name: unable, why: no shell}\n- {name: broken, why: x}\n"))
	if err != nil {
		t.Fatal(err)
	}
	all := four(t, known)
	if good, bad := all[0], all[1]; !bad.OK() || bad.Known == nil || good.OK() || !good.Surprise {
		t.Errorf("%+v\n%+v", good, bad)
	}
	if unable, broken := all[2], all[3]; !unable.OK() || broken.OK() {
		t.Errorf("%+v\n%+v", unable, broken)
	}
	if u := known.Unused(); len(u) != 2 || u[0] != "none" || u[1] != "broken" {
		t.Errorf("unused: %q", u)
	}
	if s := Summary(all, 0); !strings.HasPrefix(s, "0 of 4 pass, 1 could not be run, 2 differ as is known, 1 are known to fail and do not;") {
		t.Error(s)
	}
}

func TestKnownMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"name: x":                     "known.yaml:1: want a list of differences, each with name, why and agrees",
		"- x":                         "known.yaml:1: want a difference with name, why and agrees",
		"- {name: x}":                 "known.yaml:1: a difference needs a name and a why",
		"- {name: x, why: y, who: z}": `known.yaml:1: there is no field "who"; there are name, why and agrees`,
		"- {name: x, why: [y]}":       "known.yaml:1: why: want a text",
		"\n- {name: '[', why: y}":     `known.yaml:2: name: "[" is no pattern: syntax error in pattern`,
		"- [":                         "known.yaml: yaml: line 1: did not find expected node content",
	} {
		if _, err := ParseKnown("known.yaml", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
	many := strings.Repeat("- {name: x, why: y}\n", maxKnownItems+1)
	if _, err := ParseKnown("known.yaml", []byte(many)); err == nil {
		t.Error("any number of differences is read")
	}
	if k, err := ParseKnown("known.yaml", nil); err != nil || len(k.Items) != 0 {
		t.Errorf("an empty file: %v", err)
	}
}

func TestTAP(t *testing.T) {
	known, err := ParseKnown("known.yaml", []byte("- {name: bad, why: it aborts, agrees: Linux}\n"))
	if err != nil {
		t.Fatal(err)
	}
	all := four(t, known)
	for i, name := range []string{"a # b.pkt", "b\n.pkt", "c", "d"} {
		all[i].File = name
	}
	var b bytes.Buffer
	if err := WriteTAP(&b, all); err != nil {
		t.Fatal(err)
	}
	want := `TAP version 13
1..4
ok 1 - a \# b.pkt
not ok 2 - b .pkt # TODO it aborts (Linux)
  ---
  verdict: fail
  line: 9
  why: "flags: expected R., got F."
  expected: "> R. 1:1(0) ack 1"
  got: "> F. 1:1(0) ack 1 win 65535"
  ...
not ok 3 - c
`
	if !strings.HasPrefix(b.String(), want) {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJUnit(&b, four(t, nil)); err != nil {
		t.Fatal(err)
	}
	var s junit.Suite
	if err := xml.Unmarshal(b.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	if s.Tests != 4 || s.Failures != 1 || s.Errors != 2 || s.Cases[1].Failure.Message != "line 9: flags: expected R., got F." {
		t.Errorf("%+v", s)
	}
}

func TestText(t *testing.T) {
	all := four(t, nil)
	all[1].File = "bad\x1b[2J.pkt"
	var b bytes.Buffer
	text := &Text{Verbose: true}
	for _, r := range all {
		if err := text.Write(&b, r); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"fail     \"bad\\x1b[2J.pkt\":9: flags: expected R., got F.\n    expected  > R. 1:1(0) ack 1\n    got       > F. 1:1(0) ack 1 win 65535\n",
		"      6      0.100000 < . 1:1(0) ack 1 win 65535\n", "FIN_WAIT_1",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s\nis without\n%s", b.String(), want)
		}
	}
}

func TestPcapng(t *testing.T) {
	var b bytes.Buffer
	if err := WritePcapng(&b, four(t, nil)); err != nil {
		t.Fatal(err)
	}
	r, err := capture.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; ; n++ {
		if _, err := r.Next(); err != nil {
			break
		}
	}
	if n != 8 {
		t.Errorf("%d packets, want twice four", n)
	}
}

// stuck is a subject that never comes to rest and heeds nothing.
type stuck struct {
	packetdrill.Subject
	release chan struct{}
}

func (s *stuck) Sleep(context.Context, time.Duration) error { return nil }

func (s *stuck) Start(*packetdrill.Call) error { <-s.release; return errors.New("released") }

// TestTimeout: a script that never ends is an error, and so is a subject that hangs.
func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	hangs := func(_ context.Context, a packetdrill.Addresses) (packetdrill.Subject, error) {
		s, err := subject(t.Context(), a)
		return &stuck{s, release}, err
	}
	old := grace
	grace = time.Millisecond
	defer func() { grace = old }()
	all, err := Run(t.Context(), files(t, "hangs", opened), Config{Subject: hangs, Timeout: time.Millisecond})
	if err != nil || all[0].Verdict != Error || !strings.Contains(all[0].Why, "too long in real time (1ms), and the subject does not let go") {
		t.Errorf("%+v, %v", all[0], err)
	}
}

// TestRecorded: the files of differences that are kept here can be read.
func TestRecorded(t *testing.T) {
	list, err := filepath.Glob("../known/*.yaml")
	if err != nil || len(list) == 0 {
		t.Fatal("no files", err)
	}
	for _, f := range list {
		k, err := LoadKnown(f)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, d := range k.Items {
			if d.Agrees == "" {
				t.Errorf("%s: %s: nobody agrees", f, d.Name)
			}
		}
	}
}

// freebsdEnv names a folder with FreeBSD's closing scripts, their windows' edges moved to
// 65535.
const freebsdEnv = "LASTACK_FREEBSD_CLOSING"

// TestFreeBSD: exactly the recorded scripts differ.
func TestFreeBSD(t *testing.T) {
	dir := os.Getenv(freebsdEnv)
	if dir == "" {
		t.Skipf("the scripts are not kept here; %s names a folder with them", freebsdEnv)
	}
	onlyKnownDiffer(t, dir, "../known/freebsd-closing.yaml")
}

// TestOwn: of the suite's scripts exactly the recorded ones differ on lastack.
func TestOwn(t *testing.T) { onlyKnownDiffer(t, ".", "known.yaml") }

func onlyKnownDiffer(t *testing.T, dir, knownFile string) {
	t.Helper()
	list, err := packetdrill.Files([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	known, err := LoadKnown(knownFile)
	if err != nil {
		t.Fatal(err)
	}
	all, err := Run(t.Context(), list, Config{Subject: subject, Known: known})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if !r.OK() {
			t.Errorf("%s:%d: %s: %s", r.File, r.Line, r.Verdict, r.reason())
		}
	}
	for _, name := range known.Unused() {
		t.Errorf("%s: %s does not differ, or is not there", knownFile, name)
	}
}

// TestOwnAddress: a script names its local address and its MTU.
func TestOwnAddress(t *testing.T) {
	small := strings.ReplaceAll(opened, "S. 0:0(0) ack 1 <mss 1460>", "S. 0:0(0) ack 1 <mss 1360>")
	list := files(t, "own", "--local_ip=192.168.7.9/16\n--mtu=1400\n"+small, "tiny", "--mtu=100\n"+opened, "none", "--local_ip=127.0.0.1\n"+opened)
	all, err := Run(t.Context(), list, Config{Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
	if r := all[0]; r.Verdict != Pass {
		t.Errorf("%+v", r)
	}
	for i, want := range []string{"--mtu=100: want 1280 to 65535", "--local_ip=127.0.0.1 is no address that a host can have"} {
		if r := all[i+1]; r.Verdict != Error || r.Line != 1 || r.Why != want {
			t.Errorf("%+v, want %s", r, want)
		}
	}
}
