package experiment

import (
	"errors"
	"fmt"
	"slices"
)

// ParseSubjects reads what is examined into the Config: names of subjects, and files that
// describe others. Beside files alone lastack and the kernel are examined too, unless
// alone. What is wrong with a file is an error with its place.
func (c *Config) ParseSubjects(args []string, alone bool) error {
	var names []string
	var errs []error
	for _, arg := range args {
		if slices.Contains(Subjects(), arg) {
			names = append(names, arg)
			continue
		}
		if !isFile(arg) {
			return fmt.Errorf("there is no subject %s; there are lastack, kernel and files that describe others (my-stack.yaml)", quote(arg))
		}
		s, err := LoadStranger(arg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if len(s.Command) == 0 {
			errs = append(errs, fmt.Errorf("%s has a helper and no command, so that it is a subject of lastack packetdrill alone", arg))
			continue
		}
		c.Strangers = append(c.Strangers, s)
	}
	switch {
	case alone && len(names) > 0:
		errs = append(errs, errors.New("--alone is for subjects from files, and "+names[0]+" is built in; leave out either"))
	case alone && len(c.Strangers) == 0 && len(errs) == 0:
		errs = append(errs, errors.New("--alone is for subjects from files; name one with --subject FILE"))
	case len(names) > 0 || alone:
		c.Subjects = append([]string{}, names...)
	}
	return errors.Join(append(errs, c.Validate())...)
}

// SubjectsOf are the subjects of results: those that are built in, the kernel first, and
// then others as they come.
func SubjectsOf(results []Result) (all []string) {
	for i := range results {
		if s := results[i].Subject; !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return rank(a) - rank(b) })
	return all
}

func rank(subject string) int {
	switch subject {
	case Kernel:
		return 0
	case Lastack:
		return 1
	}
	return 2
}
