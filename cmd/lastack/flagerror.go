package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"lastack/harness/term"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// wants says what a flag takes, by the name of its type.
var wants = map[string]string{
	"bool":     "true or false",
	"int":      "a whole number",
	"uint16":   "a whole number from 0 to 65535",
	"uint64":   "a whole number of 0 or more",
	"float64":  "a number",
	"duration": "a time such as 500ms, 30s or 2m",
	"intSlice": "whole numbers with commas between them",
}

// flagError says what is wrong with the flags of a command line.
func flagError(c *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &value):
		err = valueError(value)
	case errors.As(err, &unknown) && len(unknown.GetSpecifiedShortnames()) == 0:
		if near, ok := term.Nearest(unknown.GetSpecifiedName(), flagNames(c)); ok {
			err = fmt.Errorf("%w (did you mean --%s?)", err, near)
		}
	}
	return usagef("%w; see: %s --help", err, c.CommandPath())
}

// valueError puts what strconv and time say about a flag's value in our words.
func valueError(e *pflag.InvalidValueError) error {
	name := "--" + e.GetFlag().Name
	if want := wants[e.GetFlag().Value.Type()]; want != "" {
		return fmt.Errorf("%s %s: give %s", name, term.Excerpt(e.GetValue()), want)
	}
	return fmt.Errorf("%s: %w", name, e.Unwrap())
}

func flagNames(c *cobra.Command) (names []string) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}

// argsError says which argument a command does not take, and in how many it is wrong.
func argsError(c *cobra.Command, args []string, err error) error {
	switch text := fmt.Sprint(err); {
	case err == nil:
		return nil
	case strings.HasPrefix(text, "unknown command "):
		return usagef("%s takes no argument %s; see: %s --help", c.CommandPath(), term.Excerpt(args[0]), c.CommandPath())
	case strings.HasPrefix(text, "accepts "), strings.HasPrefix(text, "requires "):
		given := map[int]string{0: "no argument", 1: "1 argument"}[len(args)]
		if given == "" {
			given = fmt.Sprintf("%d arguments", len(args))
		}
		return usagef("%s given; the usage is: %s", given, c.UseLine())
	}
	return usage(err)
}

// parsePrefix is netip.ParsePrefix with an error in our words.
func parsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, errors.New("give an address and the length of its prefix, such as 10.77.0.1/24 or fd77::1/64")
	}
	return p, nil
}

// parseAddr is netip.ParseAddr with an error in our words.
func parseAddr(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, errors.New("give an address such as 10.77.0.2 or fd77::2")
	}
	return a, nil
}
