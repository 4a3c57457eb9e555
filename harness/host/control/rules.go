package control

import (
	"fmt"
	"net/http"
	"strings"

	"lastack/stack/impair"
)

// RuleSource has a bad wire's rules; a *stack.Host is one.
type RuleSource interface {
	Impairments() []impair.Rule
	SetImpairments(rules []impair.Rule) error
}

// maxRules is how many rules a host is given at most; each is tried on each segment.
const maxRules = 64

func (a *api) rules(w http.ResponseWriter, _ *http.Request) {
	lines := []string{}
	for _, r := range a.Impairments.Impairments() {
		lines = append(lines, r.String())
	}
	reply(w, http.StatusOK, lines)
}

// putRules puts every line's rule to work in place of the others, or none.
func (a *api) putRules(w http.ResponseWriter, r *http.Request) {
	text, ok := body(w, r, maxList, "rules", "lines, each a rule")
	if !ok {
		return
	}
	var rules []impair.Rule
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		rule, err := impair.Parse(strings.TrimSpace(line))
		if err != nil {
			fail(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
		rules = append(rules, rule)
	}
	if len(rules) > maxRules {
		fail(w, http.StatusUnprocessableEntity, fmt.Sprintf("there are %d rules; give %d at most", len(rules), maxRules))
		return
	}
	if err := a.Impairments.SetImpairments(rules); err != nil {
		fail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	a.rules(w, r)
}
