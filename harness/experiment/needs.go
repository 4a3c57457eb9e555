package experiment

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"lastack/harness/teardown"
	"lastack/stack/tunable"
)

// unable is why the experiment cannot be run on a stranger; empty if it can.
func (e *Experiment) unable(s *Stranger) string {
	switch {
	case e.Subject == "client":
		return "the subject is the client, and a program is known to serve only"
	case len(e.Server.Command) > 0:
		return "the server is a program for the kernel's sockets"
	case e.Through.given():
		return "something stands between the client and the server, and a program is at the end of a wire of its own"
	case e.loaded():
		return "a load counts the subject's ports and sockets, which do not show from outside"
	case e.Expect.Lasts.Side == "server":
		return "how long a state lasts does not show from outside: to look may make it longer"
	case e.Expect.Rest.MS > 0:
		return "the processor time of a rest is measured in this process only"
	}
	if _, ok := s.offer(e.Server.spec()); !ok {
		return fmt.Sprintf("%s does not serve %s", s.Name, e.Server.words())
	}
	for _, name := range slices.Sorted(maps.Keys(e.Tunables.Subject)) {
		if _, ok := s.Tunables[name]; !ok && !isDefault(name, e.Tunables.Subject[name]) {
			return fmt.Sprintf("%s takes no %s", s.Name, name)
		}
	}
	for _, f := range e.needs() {
		if slices.Contains(s.Lacks, f) {
			return fmt.Sprintf("%s lacks %s, by its file", s.Name, f)
		}
	}
	return ""
}

// fitted is the experiment with what may be expected of the stranger: an ACK that is not
// delayed comes apart from the FIN, or from the data, that would carry it.
func (e *Experiment) fitted(s *Stranger) *Experiment {
	if !slices.Contains(s.Lacks, DelayedACK) || e.Expect.ActiveCloser != teardown.Client {
		return e
	}
	out := *e
	out.Expect.fourToo = true
	if slices.ContainsFunc(e.Expect.Segments, func(p Pattern) bool { return p.Acks && p.Data && p.From == teardown.Server }) {
		out.Expect.Segments = nil
	}
	return &out
}

// words is the server's app in words, without a port.
func (s *Server) words() string {
	_, text, _ := strings.Cut(s.spec().String(), "=")
	return text
}

// isDefault reports whether the setting is what Linux has without it, so that no stack
// needs to be told.
func isDefault(name, value string) bool {
	t, ok := tunable.Lookup(name)
	return ok && strconv.FormatInt(int64(t.Default), 10) == value
}

// needs are the features that the subject must have for the expectations to make sense.
func (e *Experiment) needs() (all []Feature) {
	const fastOpen = "net.ipv4.tcp_fastopen"
	if value, set := e.Tunables.Subject[fastOpen]; set && !isDefault(fastOpen, value) {
		all = append(all, FastOpen)
	}
	if slices.ContainsFunc(e.Client.Crafted, func(c Craft) bool { return c.TS.given && c.TS.by != 0 }) {
		all = append(all, Timestamps)
	}
	if e.Expect.waitsForACK() {
		all = append(all, DelayedACK)
	}
	return all
}

// waitsForACK reports whether an ACK of the server's, or a FIN in its place, is expected
// at a time at which an ACK that is not delayed has left.
func (x *Expect) waitsForACK() bool {
	const delayed = 5 // ms
	if x.AckDelay.Set && x.AckDelay.Min >= delayed {
		return true
	}
	return slices.ContainsFunc(x.Segments, func(p Pattern) bool {
		return p.Acks && p.From == teardown.Server && p.At.Set && p.At.Min >= delayed
	})
}
