package prometheus

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

type rule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

// rules are those of rules.yaml.
func rules(t *testing.T) (list []rule) {
	t.Helper()
	text, err := os.ReadFile("rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		list = append(list, g.Rules...)
	}
	return list
}

// queries are those of the dashboard by the titles of their panels, with Grafana's variables
// filled in.
func queries(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("$instance", ".*", "$netns", ".*", "$__rate_interval", "5s")
	found := map[string][]string{}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			found[p.Title] = append(found[p.Title], fill.Replace(target.Expr))
		}
	}
	return found
}

// TestRunbooks: each alert has a section in the room's README, and its link goes there.
func TestRunbooks(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	list := rules(t)
	if len(list) < 5 {
		t.Fatalf("%d rules", len(list))
	}
	for _, r := range list {
		if !strings.Contains(string(readme), "\n### "+r.Alert+"\n") {
			t.Errorf("%s has no section in the README", r.Alert)
		}
		if want := "harness/host/README.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s links to %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
		}
	}
}

// TestNames: rules and the dashboard ask for nothing that the README's table does not have.
func TestNames(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`lastack_[a-z_]+`)
	suffix := regexp.MustCompile("`_[a-z_]+`")
	documented := name.FindAllString(string(readme), -1)
	for line := range strings.Lines(string(readme)) {
		if base := name.FindString(line); base != "" && strings.HasPrefix(line, "|") {
			for _, s := range suffix.FindAllString(line, -1) {
				documented = append(documented, base[:strings.LastIndexByte(base, '_')]+strings.Trim(s, "`"))
			}
		}
	}
	var asked []string
	for _, r := range rules(t) {
		asked = append(asked, name.FindAllString(r.Expr, -1)...)
	}
	for _, list := range queries(t) {
		for _, q := range list {
			asked = append(asked, name.FindAllString(q, -1)...)
		}
	}
	for _, n := range asked {
		if n = strings.TrimSuffix(n, "_bucket"); !slices.Contains(documented, n) {
			t.Errorf("%s is not in the README's table", n)
		}
	}
}

// TestTiming: Prometheus' own tool finds the rules in order, and they fire when they ought to.
func TestTiming(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skipf("needs promtool (sudo apt-get install prometheus): %v", err)
	}
	for _, args := range [][]string{{"check", "rules", "rules.yaml"}, {"test", "rules", "testdata/timing.yaml"}} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
