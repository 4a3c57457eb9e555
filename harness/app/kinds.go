package app

import (
	"context"
	"maps"
	"slices"
)

// handler holds one connection. It returns when the connection is to be closed,
// and its caller closes it at once. A nil error means that the kind ran its
// course. When ctx ends the connection is closed under the handler, so blocked
// reads and writes return; a handler that waits for something else must watch ctx.
type handler func(ctx context.Context, c *conn) error

// kind is one row of the table.
type kind struct {
	name string
	doc  string
	// make declares the kind's options and returns its handler.
	make func(o *options, cfg Config) handler
}

// table is every kind there is, in the order of the default ports.
func table() []kind {
	return []kind{
		{"echo", "sends back what it reads; closes at EOF", newEcho},
		{"discard", "reads until EOF and closes", newDiscard},
		{"http", "HTTP/1.1 with keep-alive: /, /bytes/N, /delay/D", newHTTP},
		{"server-closes", "answers the first read with the same bytes and closes first", newServerCloses},
		{"slow-closer", "echoes; closes a delay after EOF", newSlowCloser},
		{"half-closer", "reads until EOF, then sends bytes, and closes", newHalfCloser},
		{"leaker", "reads until EOF and never closes: CLOSE_WAIT until the app stops", newLeaker},
		{"aborter", "answers the first read and closes with SO_LINGER 0: RST", newAborter},
		{"unread", "never reads; closes a delay after accept: RST if data is waiting", newUnread},
	}
}

// Kind describes one kind of app, for help text.
type Kind struct {
	Name    string
	Doc     string // one line, without a full stop
	Options []Option
}

// Option describes one option of a kind, for help text.
type Option struct {
	Name    string
	Doc     string // one line, without a full stop
	Default string // as it would be written on the command line
}

// Kinds returns every kind of app with its options, in the order of [Defaults].
// The caller owns the slice.
func Kinds() []Kind {
	var kinds []Kind
	for _, k := range table() {
		var o options
		k.make(&o, Config{}.withDefaults())
		described := Kind{Name: k.name, Doc: k.doc}
		for _, opt := range o.list {
			described.Options = append(described.Options, Option{Name: opt.name, Doc: opt.doc, Default: opt.def})
		}
		kinds = append(kinds, described)
	}
	return kinds
}

// lookup finds a kind by name.
func lookup(name string) (kind, error) {
	var names []string
	for _, k := range table() {
		if k.name == name {
			return k, nil
		}
		names = append(names, k.name)
	}
	return kind{}, unknown(name, "kinds", names)
}

// build returns the handler that spec describes, or what is wrong with spec.
func build(spec Spec, cfg Config) (handler, *SpecError) {
	k, err := lookup(spec.Kind)
	if err != nil {
		return nil, &SpecError{Spec: spec.String(), Field: "kind", Err: err}
	}
	var o options
	h := k.make(&o, cfg)
	for _, name := range slices.Sorted(maps.Keys(spec.Options)) {
		if err := o.set(spec.Kind, name, spec.Options[name]); err != nil {
			return nil, &SpecError{Spec: spec.String(), Field: "option", Err: err}
		}
	}
	return h, nil
}

// settled is what each option of the spec's kind comes to, defaults included.
func settled(spec Spec) (map[string]string, error) {
	k, err := lookup(spec.Kind)
	if err != nil {
		return nil, err
	}
	var o options
	k.make(&o, Config{}.withDefaults())
	for name, value := range spec.Options {
		if err := o.set(spec.Kind, name, value); err != nil {
			return nil, err
		}
	}
	all := make(map[string]string)
	for _, opt := range o.list {
		all[opt.name] = opt.get()
	}
	return all, nil
}
