package experiment

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lastack/harness/app"
	"lastack/stack/tunable"
)

// mine is a subject that takes everything that the format has.
const mine = `name: mine
command: [./mine, "{TUN}", "{HOST}"]
device: tap
serves:
  - 7=echo
  - 8001=server-closes
  - 8002=slow-closer,delay=60ms
ready: {line: up, within: 3s}
tunables: {net.ipv4.tcp_fin_timeout: "--fin={VALUE}"}
lacks: [timestamps]
`

func TestParseStranger(t *testing.T) {
	s, err := ParseStranger("dir/mine.yaml", []byte(mine))
	if err != nil {
		t.Fatal(err)
	}
	if s.dir() != "dir" || s.Name != "mine" || len(s.Serves) != 3 || s.Lacks[0] != Timestamps {
		t.Errorf("%+v", s)
	}
	for _, tt := range []struct{ spec, want string }{
		{"1=echo", "7=echo"}, {"1=slow-closer,delay=60", "8002=slow-closer,delay=60ms"}, {"1=slow-closer,delay=61", ""}, {"1=leaker", ""},
	} {
		want, err := app.ParseSpec(tt.spec)
		if err != nil {
			t.Fatal(err)
		}
		if at, ok := s.offer(want); ok != (tt.want != "") || ok && at.String() != tt.want {
			t.Errorf("%s is served at %v, %v; want %s", tt.spec, at, ok, tt.want)
		}
	}
	if _, err := ParseStranger("example.yaml", []byte(exampleSubject)); err != nil {
		t.Errorf("the example of the help: %v", err)
	}
}

// TestStrangerMistakes: each is told with its line and what would be right.
func TestStrangerMistakes(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{"name: mine", "name: My Stack", "mine.yaml:1: name \"My Stack\": want lower-case letters"},
		{"name: mine", "name: kernel", "mine.yaml:1: kernel is a subject that is built in"},
		{"command:", "comand:", "did you mean \"command\"?"},
		{`, "{TUN}"`, "", "mine.yaml:2: the command has neither {TUN} nor {FD}"},
		{`[./mine, "{TUN}", "{HOST}"]`, "[]", "mine.yaml:2: the command is empty"},
		{"tap", "tub", "mine.yaml:3: device: there is no \"tub\"; did you mean \"tun\"?"},
		{"7=echo", "7=ehco", "mine.yaml:5: serves[1]: app \"7=ehco\": kind \"ehco\" does not exist; did you mean \"echo\"?"},
		{"7=echo", "echo", "mine.yaml:5: echo has no port; write PORT=echo, or put {APP} into the command"},
		{"7=echo", "8001=echo", "mine.yaml:6: two apps are at port 8001"},
		{`"{HOST}"`, `"{APP}"`, "mine.yaml:5: 7=echo has a port, and the command has {APP}"},
		{"line: up", "line: up, port: 7", "mine.yaml:8: ready has a line and a port"},
		{"line: up", "port: 70000", "mine.yaml:8: ready.port is 70000; want 1 to 65535"},
		{"3s", "3h", "mine.yaml:8: ready.within: \"3h\" is not a time up to 5m0s"},
		{"net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_fin", "mine.yaml:9: there is no tunable \"net.ipv4.tcp_fin\""},
		{"{VALUE}", "VALUE", "mine.yaml:9: tunables.net.ipv4.tcp_fin_timeout is \"--fin=VALUE\"; want an argument with {VALUE} in it"},
		{"[timestamps]", "[timestamp]", "mine.yaml:10: lacks[1]: there is no \"timestamp\" to lack; did you mean \"timestamps\"?"},
		{"lacks: [timestamps]", "---\nname: more", "a second document begins; a file holds one subject"},
	} {
		broken := strings.Replace(mine, tt.old, tt.new, 1)
		if broken == mine {
			t.Fatalf("%q is not in the example", tt.old)
		}
		if _, err := ParseStranger("mine.yaml", []byte(broken)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q for %q: %v, want %s", tt.new, tt.old, err, tt.want)
		}
	}
	if _, err := ParseStranger("x.yaml", nil); err == nil || !strings.Contains(err.Error(), "--help-subject") {
		t.Errorf("an empty file: %v", err)
	}
}

func TestFilesAreBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "long.yaml")
	if err := os.WriteFile(file, make([]byte, mostFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadStranger(file)
	if err == nil || !strings.Contains(err.Error(), "is longer than") {
		t.Errorf("a subject: %v", err)
	}
	if _, err = Load(file); err == nil || !strings.Contains(err.Error(), "is longer than") {
		t.Errorf("an experiment: %v", err)
	}
}

// TestUnable: each reason to skip, by an experiment that has it; what needs nothing is
// run.
func TestUnable(t *testing.T) {
	s, err := ParseStranger("mine.yaml", []byte(mine))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"three-way":             "",
		"server-first":          "",
		"time-wait-rst":         "", // its setting is the default
		"fin-alone":             "the subject is the client",
		"close-wait-emfile":     "the server is a program",
		"time-wait-restart-60s": "how long a state lasts",
		"close-wait-idle":       "processor time",
		"http-short":            "mine does not serve http",
		"slow-closer-30":        "mine does not serve slow-closer,delay=30ms",
		"old-data-let-in":       "mine takes no net.ipv4.tcp_max_tw_buckets",
		"fast-open-second":      "mine takes no net.ipv4.tcp_fastopen",
		"time-wait-syn-paws":    "mine lacks timestamps",
	} {
		e := find1(t, name)
		if got := e.unable(s); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	loaded := *find1(t, "three-way")
	loaded.Load.Ports = Ports{Low: 40000, High: 40001}
	if got := loaded.unable(s); !strings.Contains(got, "a load counts") {
		t.Errorf("with a load: %q", got)
	}
	s.Lacks = []Feature{DelayedACK}
	if got := find1(t, "four-way-slow-closer").unable(s); !strings.Contains(got, "lacks delayed-ack") {
		t.Errorf("without delayed ACK: %q", got)
	}
	if got := find1(t, "slow-closer-silent").unable(s); got != "" {
		t.Errorf("an ACK at once is expected, but %q", got)
	}
}

// TestReadmeSubject: the file that the README shows is one.
func TestReadmeSubject(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(text), "\n    name: my-stack\n")
	shown, _, _ = strings.Cut("    name: my-stack\n"+shown, "\n\n")
	s, err := ParseStranger("README.md", []byte(strings.ReplaceAll(shown, "\n    ", "\n")[4:]))
	if err != nil || len(s.Serves) != 3 || len(s.Tunables) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

func find1(t *testing.T, name string) *Experiment {
	t.Helper()
	all, err := Select([]string{name})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0]
}

// TestProgramCommand: the app and the settings become arguments.
func TestProgramCommand(t *testing.T) {
	s := &Stranger{
		Command:  []string{"./x", "{TUN}", "--serve={APP}"},
		Tunables: map[string]string{"net.ipv4.tcp_fin_timeout": "--fin={VALUE}", "net.ipv4.tcp_rfc1337": "--rfc={VALUE}"},
		File:     "d/x.yaml",
	}
	e := &Experiment{Tunables: Tunables{Subject: map[string]string{"net.ipv4.tcp_fin_timeout": "5", "net.ipv4.tcp_tw_reuse": "1"}}}
	p := s.program(e, app.Spec{Port: 8000, Kind: "slow-closer", Options: map[string]string{"delay": "60ms"}})
	if want := []string{"./x", "{TUN}", "--serve=8000=slow-closer,delay=60ms", "--fin=5"}; !slices.Equal(p.Command, want) || p.Dir != "d" {
		t.Errorf("%q in %s", p.Command, p.Dir)
	}
}

func TestParseSubjects(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(file, []byte(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args  []string
		alone bool
		want  string
	}{
		{[]string{"lastack", "kernel"}, false, "lastack kernel"},
		{[]string{file}, false, "lastack kernel mine"},
		{[]string{file}, true, "mine"},
		{[]string{file, "kernel"}, false, "kernel mine"},
		{[]string{"kernel"}, true, "--alone is for subjects from files, and kernel is built in"},
		{[]string{}, true, "--alone is for subjects from files; name one"},
		{[]string{file, file}, false, "are both called mine; rename one"},
		{[]string{"krnel"}, false, "there is no subject \"krnel\""},
		{[]string{"./gone.yaml"}, false, "reading a subject"},
	} {
		var c Config
		err := c.ParseSubjects(tt.args, tt.alone)
		got := strings.Join(c.On(), " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) || err == nil && got != tt.want {
			t.Errorf("%q, alone %v: %s, want %s", tt.args, tt.alone, got, tt.want)
		}
	}
}

func TestLastWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "it printed nothing",
		"so\n":                   "it printed last: so",
		"a\x1b[2Jb":              `it printed last: "a\x1b[2Jb"`,
		strings.Repeat("x", 900): "it printed last: ..." + strings.Repeat("x", 400),
	} {
		if got := lastWords(text); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// TestSettingsOfStrangers: the tunables that files may map are those that there are.
func TestSettingsOfStrangers(t *testing.T) {
	if !isDefault("net.ipv4.tcp_rfc1337", "0") || isDefault("net.ipv4.tcp_rfc1337", "1") || isDefault("net.none", "0") {
		t.Error("what is the default is not told from what is not")
	}
	if _, ok := tunable.Lookup("net.ipv4.tcp_fin_timeout"); !ok {
		t.Error("tunable.Lookup does not know its own")
	}
}

func FuzzParseStranger(f *testing.F) {
	f.Add(mine)
	f.Add(exampleSubject)
	f.Add("name: x\ncommand: [\"{TUN}{APP}\"]\nserves: [echo]\nready: {port: 1}")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseStranger("fuzz.yaml", []byte(text))
		if (s == nil) == (err == nil) {
			t.Fatalf("subject %v, error %v", s, err)
		}
		if s != nil && (s.Name == "" || len(s.Command) == 0 || len(s.Serves) == 0 || s.Ready.Within <= 0) {
			t.Errorf("incomplete: %+v", s)
		}
		if s != nil {
			for _, e := range Corpus()[:10] {
				_ = e.unable(s)
			}
		}
		var syntax *SyntaxError
		if err != nil && (!errors.As(err, &syntax) || syntax.File != "fuzz.yaml") {
			t.Errorf("an error without a place: %v", err)
		}
	})
}

// TestHelper: a subject for scripts alone needs a helper and nothing else.
func TestHelper(t *testing.T) {
	s, err := ParseStranger("x.yaml", []byte("name: x\nhelper: [./x, '{FD}']\n"))
	if err != nil || len(s.Helper) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	for text, want := range map[string]string{
		"name: x\nhelper: []\n":                "x.yaml:2: the helper is empty",
		"name: x\nhelper: [x]\ncommand: [x]\n": "x.yaml:3: the command has neither {TUN} nor {FD}",
		"name: x\n":                            "the command is empty",
	} {
		if _, err := ParseStranger("x.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
