package main

import (
	"fmt"
	"io"

	"lastack/harness/host/setting"
	"lastack/stack/tunable"
)

// tunableDoc is what "lastack sysctl -d --json" tells about one tunable.
type tunableDoc struct {
	Name string `json:"name"`
	// Values are the values taken, in words; Default is one of them.
	Values  string `json:"values"`
	Default string `json:"default"`
	Unit    string `json:"unit"`
	Doc     string `json:"doc"`
}

// document tells about the named tunables, or about all, out of the program's own
// table.
func document(w io.Writer, names []string, f sysctlFlags) error {
	defs := tunable.All()
	if !f.all {
		defs = nil
		for _, name := range names {
			d, err := tunable.Find(name)
			if err != nil {
				return usage(setting.Suggest(err))
			}
			defs = append(defs, d)
		}
	}
	docs := make([]tunableDoc, len(defs))
	for i, d := range defs {
		docs[i] = tunableDoc{Name: d.Name, Values: d.Range(), Default: d.Format(d.Default), Unit: d.Unit, Doc: d.Doc}
	}
	if f.js {
		return writeJSON(w, struct {
			Tunables []tunableDoc `json:"tunables"`
		}{docs})
	}
	for i, d := range docs {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if _, err := fmt.Fprintf(w, "%s: %s; default %s\n\n%s\n", d.Name, d.Values, d.Default, d.Doc); err != nil {
			return err
		}
	}
	return nil
}
