package ladder

import (
	"regexp"
	"testing"
)

func TestPlantUMLGolden(t *testing.T) {
	for _, name := range drawn {
		r := report(t, name, 0)
		matches(t, name+".puml", PlantUML(&r, Config{Client: "the kernel", Server: "lastack"}))
	}
	r := impaired(t)
	matches(t, "impaired.puml", PlantUML(&r, Config{}))
}

// TestPlantUMLLines holds every line of every diagram to a few forms: text within them has
// nothing in it that PlantUML takes for its own.
func TestPlantUMLLines(t *testing.T) {
	const text = `(?:[A-Za-z0-9 _.,:+=()/'-]|&#\d+;)*`
	form := regexp.MustCompile(`^(@startuml|@enduml|participant "` + text + `\\n` + text + `" as [CS]` +
		`|[CS] ->x? [CS]: ` + text + `|note (left of C|right of S|over C,S): ` + text + `)$`)
	twice := regexp.MustCompile(`--|__|//|''|==`)
	for _, name := range scripts(t) {
		r := report(t, name, 0)
		for _, cfg := range []Config{{}, {Full: true, Client: "**a**; <b>\n!include --x--", Server: "//end//"}} {
			for _, l := range lines(PlantUML(&r, cfg)) {
				if !form.MatchString(l) || twice.MatchString(l) {
					t.Errorf("%s: %q", name, l)
				}
			}
		}
	}
}
