package experiment

import (
	"slices"
	"strings"
	"testing"
)

// TestAltered: what is asked for comes on top of what the file says, which stays
// as it was.
func TestAltered(t *testing.T) {
	e, err := Parse("whole.yaml", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	e.Impair = Rules{{*rule(t, "drop the 1st FIN from peer")}}
	var c Config
	if c.altered(e) != e {
		t.Error("another experiment without any alteration")
	}
	err = c.ParseAlterations([]string{"net/ipv4/tcp_tw_reuse=0", "lastack.delayed_ack = 0"}, []string{"drop FINs from host"})
	if err != nil {
		t.Fatal(err)
	}
	a := c.altered(e)
	if a.Tunables.Subject["net.ipv4.tcp_tw_reuse"] != "0" || a.Tunables.Subject["lastack.delayed_ack"] != "0" {
		t.Errorf("settings %v", a.Tunables.Subject)
	}
	if len(e.Tunables.Subject) != 1 || e.Tunables.Subject["net.ipv4.tcp_tw_reuse"] != "1" {
		t.Errorf("the file's settings became %v", e.Tunables.Subject)
	}
	var rules []string
	for _, r := range a.rules() {
		rules = append(rules, r.String())
	}
	if want := []string{"drop every FIN from host", "drop the 1st FIN from peer"}; !slices.Equal(rules, want) {
		t.Errorf("rules %q", rules)
	}
	if want := []string{"net.ipv4.tcp_tw_reuse=0", "lastack.delayed_ack=0", "drop every FIN from host"}; !slices.Equal(c.Alterations(), want) {
		t.Errorf("%q", c.Alterations())
	}
	if c.foreign(e, Lastack) != "" || !strings.Contains(c.foreign(e, Kernel), "no lastack.delayed_ack to set") {
		t.Errorf("%q, %q", c.foreign(e, Lastack), c.foreign(e, Kernel))
	}
}

// TestAttemptsAltered: what is changed on purpose fails on purpose, unless nobody may notice it.
func TestAttemptsAltered(t *testing.T) {
	for _, tt := range []struct {
		setting, rule string
		want          int
	}{
		{"", "", defaultAttempts},
		{"lastack.light=1", "", defaultAttempts},
		{"lastack.delayed_ack=0", "", 1},
		{"lastack.light=1", "drop FINs from host", 1},
	} {
		var c Config
		if err := c.alter(tt.setting, tt.rule); err != nil {
			t.Fatal(err)
		}
		if got, _ := c.attempts(); got != tt.want {
			t.Errorf("%v: %d attempts, want %d", c.Alterations(), got, tt.want)
		}
	}
}

// alter parses a setting and a rule, of which either may be empty.
func (c *Config) alter(setting, rule string) error {
	var settings, rules []string
	if setting != "" {
		settings = []string{setting}
	}
	if rule != "" {
		rules = []string{rule}
	}
	return c.ParseAlterations(settings, rules)
}

func TestAlterationMistakes(t *testing.T) {
	for _, tt := range []struct{ setting, rule, want string }{
		{"lastack.delayed_akc=0", "", "did you mean lastack.delayed_ack?"},
		{"lastack.delayed_ack", "", "want NAME=VALUE"},
		{"", "drop FUN from host", `"FUN" is not understood`},
	} {
		var c Config
		if err := c.alter(tt.setting, tt.rule); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	c := Config{Subjects: []string{Kernel}}
	if err := c.ParseAlterations([]string{"net.ipv4.tcp_orphan_retries=2"}, nil); err != nil {
		t.Errorf("a sysctl for the kernel alone: %v", err)
	}
}
