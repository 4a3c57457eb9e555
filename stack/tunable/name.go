package tunable

import (
	"fmt"
	"strings"
)

// Setting is a value for a tunable, both as they were given.
type Setting struct{ Name, Value string }

// ParseSetting reads "NAME=VALUE". Blanks around either do not matter, and
// whether there is such a tunable and value is left to Set.
func ParseSetting(text string) (Setting, error) {
	name, value, ok := strings.Cut(text, "=")
	if name = strings.TrimSpace(name); !ok || name == "" {
		return Setting{}, fmt.Errorf("tunable %q: want NAME=VALUE", strings.TrimSpace(text))
	}
	return Setting{Name: name, Value: strings.TrimSpace(value)}, nil
}

// Lookup finds a tunable by its name. As with sysctl, a path within /proc/sys
// is a name too: net/ipv4/tcp_tw_reuse.
func Lookup(name string) (Def, bool) {
	name = dotted(name)
	for _, d := range defs {
		if d.Name == name {
			return d, true
		}
	}
	return Def{}, false
}

func dotted(name string) string { return strings.ReplaceAll(name, "/", ".") }

// Find is Lookup with an error (a *Error) that lists all names.
func Find(name string) (Def, error) {
	d, ok := Lookup(name)
	if ok {
		return d, nil
	}
	return d, &Error{Name: name, Unknown: true, Why: "unknown tunable; there are " + strings.Join(names(), ", ")}
}

func names() []string {
	var n []string
	for _, d := range defs {
		n = append(n, d.Name)
	}
	return n
}
