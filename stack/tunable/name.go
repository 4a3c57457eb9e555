package tunable

import "strings"

// Setting is a value for a tunable, both as they were given.
type Setting struct{ Name, Value string }

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

// find is Lookup with an error that says which names there are.
func find(name string) (Def, error) {
	d, ok := Lookup(name)
	if !ok {
		return d, &Error{Name: name, Why: "unknown tunable; there are " + strings.Join(names(), ", ")}
	}
	return d, nil
}

func names() []string {
	var n []string
	for _, d := range defs {
		n = append(n, d.Name)
	}
	return n
}
