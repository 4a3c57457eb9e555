package experiment

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lastack/harness/host/setting"
	"lastack/stack/impair"
	"lastack/stack/tunable"
)

// altered is the experiment on a subject that is tuned, or a wire that is made
// bad, beside what the file says, and captured as the Config says. The file's own
// rules come after.
func (c *Config) altered(e *Experiment) *Experiment {
	if len(c.Settings) == 0 && len(c.Impairments) == 0 && !c.Trace && !c.Tcpdump && c.Progress == nil {
		return e
	}
	out := *e
	out.traced, out.tcpdump, out.progress = c.Trace, c.Tcpdump, c.Progress
	out.Tunables.Subject = maps.Clone(e.Tunables.Subject)
	if out.Tunables.Subject == nil {
		out.Tunables.Subject = map[string]string{}
	}
	maps.Copy(out.Tunables.Subject, c.Set())
	out.extra = c.Impairments
	return &out
}

// Set is what the Settings set, by name: the last of a name counts.
func (c *Config) Set() map[string]string {
	set := make(map[string]string, len(c.Settings))
	for _, s := range c.Settings {
		set[s.Name] = s.Value
	}
	return set
}

// breaks reports whether something is altered that experiments may notice.
func (c *Config) breaks() bool {
	return len(c.Impairments) > 0 || slices.ContainsFunc(c.Settings, func(s tunable.Setting) bool {
		d, ok := tunable.Lookup(s.Name)
		return !ok || !d.Unnoticed
	})
}

// Alterations are what is done beside what the files say, in words.
func (c *Config) Alterations() (all []string) {
	for _, s := range c.Settings {
		all = append(all, s.Name+"="+s.Value)
	}
	for _, r := range c.Impairments {
		all = append(all, r.String())
	}
	return all
}

// foreign is a setting that the subject cannot have, or a rule, as a reason not to run.
func (c *Config) foreign(e *Experiment, subject string) string {
	if subject == Kernel && e.Load.Peer == Lastack && len(c.Impairments) > 0 {
		return "a rule's host is the subject, and here the peer; run it with --subject lastack"
	}
	if e.Through.given() && len(c.Impairments) > 0 {
		return "a rule is for one wire, and here there are two, one on either side of " + e.Through.name()
	}
	return c.Unset(subject)
}

// Unset is why the subject cannot have one of the Settings; empty if it can have them all.
func (c *Config) Unset(subject string) string {
	for _, s := range c.Settings {
		if subject == Kernel && !strings.HasPrefix(s.Name, "net.") {
			return fmt.Sprintf("the kernel has no %s to set; run it with --subject lastack", s.Name)
		}
	}
	return ""
}

// rules are all that make the wire bad.
func (e *Experiment) rules() []impair.Rule {
	return append(append([]impair.Rule(nil), e.extra...), e.Impair.rules()...)
}

// ParseAlterations reads settings, each NAME=VALUE, and rules into the Config, whose
// Subjects are known. A name without a tunable may be a sysctl if the kernel is the only
// subject.
func (c *Config) ParseAlterations(settings, rules []string) error {
	set := tunable.NewSet()
	for _, text := range settings {
		s, err := tunable.ParseSetting(text)
		if err != nil {
			return err
		}
		s.Name = strings.ReplaceAll(s.Name, "/", ".")
		if c.Subjects == nil || slices.Contains(c.Subjects, Lastack) {
			if err := set.Set(s.Name, s.Value); err != nil {
				return setting.Suggest(err)
			}
		}
		c.Settings = append(c.Settings, s)
	}
	for _, text := range rules {
		r, err := impair.Parse(text)
		if err != nil {
			return err
		}
		c.Impairments = append(c.Impairments, r)
	}
	return nil
}
