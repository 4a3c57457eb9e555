package ladder

import (
	"regexp"
	"strings"
	"testing"
)

func TestMermaidGolden(t *testing.T) {
	for _, name := range drawn {
		r := report(t, name, 0)
		matches(t, name+".mmd", Mermaid(&r, Config{Client: "the kernel", Server: "lastack"}))
		matches(t, name+".states.mmd", StateDiagram(&r))
	}
	r := impaired(t)
	matches(t, "impaired.mmd", Mermaid(&r, Config{}))
	matches(t, "impaired.states.mmd", StateDiagram(&r))
}

// plainText is what mermaid lets through, and the arrows of a sum.
const plainText = `(?:[A-Za-z0-9 _.,:+=()/'\x{2190}\x{2192}-]|#\d+;)*`

// TestMermaidLines holds every line of every diagram to a few forms: text within
// them has nothing in it that Mermaid takes for its own.
func TestMermaidLines(t *testing.T) {
	sequence := regexp.MustCompile(`^(sequenceDiagram|    participant [CS] as ` + plainText + `<br/>` + plainText +
		`|    [CS](->>|-x)[CS]: ` + plainText + `|    Note (left of C|right of S|over C,S): ` + plainText + `)$`)
	states := regexp.MustCompile(`^(stateDiagram-v2| *direction TB|    state (client|server) \{|    \}` +
		`|        state "[A-Z_0-9]+" as (client|server)_[A-Z_0-9]+` +
		`|        (\[\*\]|\w+) --> (\w+: ` + plainText + `<br/>` + plainText + `|\[\*\]))$`)
	for _, name := range scripts(t) {
		r := report(t, name, 0)
		for _, cfg := range []Config{{}, {Full: true, Client: "end; <script>\n%%", Server: "end"}} {
			for _, l := range lines(Mermaid(&r, cfg)) {
				if !sequence.MatchString(l) {
					t.Errorf("%s: sequence diagram: %q", name, l)
				}
			}
		}
		for _, l := range lines(StateDiagram(&r)) {
			if !states.MatchString(l) {
				t.Errorf("%s: state diagram: %q", name, l)
			}
		}
	}
}

func lines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }

func TestMermaidText(t *testing.T) {
	for text, want := range map[string]string{
		"ACK of the FIN, at once": "ACK of the FIN, at once",
		"the end of it":           "the #101;nd of it",
		"End":                     "#69;nd",
		"ending":                  "ending",
		"a;b #1 <i>":              "a#59;b #35;1 #60;i#62;",
		"caf\u00e9\n%%":           "caf#63;#63;#37;#37;",
	} {
		if got := mermaid(text); got != want {
			t.Errorf("mermaid(%q) = %q, want %q", text, got, want)
		}
	}
}
